public import Core
import Files
import FoundationEssentials
import Spool
import SystemPackage

/// What a command asks of the agent: a file in `requests/`, which is removed once it was carried out.
public enum Request: Hashable, Sendable, Codable {
  /// Nil: every stream.
  case flush(streams: [StreamName]?)
}

struct RequestBox {
  let state: StateFolder
  let files: any Files

  struct Letter {
    let path: FilePath
    /// Nil where the file is not one of ours; it is put away unread.
    let request: Request?
  }

  func prepare() throws(FileFault) {
    try files.ensureDirectory(state.requests)
  }

  /// - Returns: the request's file; it vanishes when the request was carried out.
  func post(_ request: Request, at now: Timestamp) throws(FileFault) -> FilePath {
    try prepare()
    let path = state.requests.appending("\(now.compact)-\(String(UInt32.random(in: 0 ... .max), radix: 16)).json")
    try files.write(encodePlan(request), to: path)
    return path
  }

  /// A letter that cannot be read stays where it is, and the others are heeded all the same.
  func open() throws(FileFault) -> [Letter] {
    var letters: [Letter] = []
    for name in try files.list(state.requests) where name.description.hasSuffix(".json") {
      let path = state.requests.appending(name)
      guard let bytes = try? files.contents(of: path, limit: Limits.requestBytes) else { continue }
      letters.append(Letter(path: path, request: try? JSONDecoder().decode(Request.self, from: Data(bytes))))
    }
    return letters
  }

  func done(_ letters: [Letter]) throws(FileFault) {
    for letter in letters { try files.remove(letter.path) }
  }
}
