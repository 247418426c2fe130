public import Core
import Files
import FoundationEssentials
import Spool
import SystemPackage

/// What a command asks of the agent: a file in `requests/`, which is removed once it was carried out.
public enum Request: Hashable, Sendable, Codable {
  /// Nil: every stream.
  case flush(streams: [StreamName]?)
  /// Drops and batches to be tried again now; nil: all.
  case retry(ids: [String]?)
  case release(drop: DropID, by: Asker)
  /// Feeds and streams, by name.
  case pause(lanes: [String], by: Asker)
  case resume(lanes: [String], by: Asker)
  case purge(drops: [DropID], batches: [BatchID], by: Asker)
  case purgeFeed(FeedName, before: Timestamp, by: Asker)

  var isFlush: Bool { if case .flush = self { true } else { false } }
}

/// What came of a request, for the command that waits for it.
public struct Answer: Hashable, Sendable, Codable {
  public var lines: [String] = []
  /// Something that was asked for could not be done.
  public var isRefused = false

  mutating func refuse(_ line: String) {
    lines.append(line)
    isRefused = true
  }
}

/// The folder through which commands and the agent speak.
struct RequestBox {
  /// After so long nobody waits for an answer any more.
  private static let answerLife: Duration = .seconds(600)

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

  /// Nil as long as the agent has not carried the request out.
  func answer(to path: FilePath) throws(FileFault) -> Answer? {
    guard try files.info(path) == nil else { return nil }
    let answer = answerPath(path)
    defer { try? files.remove(answer) }
    return (try? files.readPlan(Answer.self, at: answer)) ?? Answer()
  }

  /// A letter that cannot be read stays where it is, and the others are heeded all the same.
  func open() throws(FileFault) -> [Letter] {
    var letters: [Letter] = []
    for name in try files.list(state.requests).sorted() where name.description.hasSuffix(".json") {
      let path = state.requests.appending(name)
      guard let bytes = try? files.contents(of: path, limit: Limits.requestBytes) else { continue }
      letters.append(Letter(path: path, request: try? JSONDecoder().decode(Request.self, from: Data(bytes))))
    }
    return letters
  }

  /// The answer is there before the request goes.
  func done(_ letter: Letter, _ answer: Answer) throws(FileFault) {
    do throws(FileFault) {
      try files.write(encodePlan(answer), to: answerPath(letter.path))
    } catch {
      // An answer of an earlier life, which was killed before it could put the letter away.
      guard error.kind == .exists else { throw error }
    }
    try files.remove(letter.path)
  }

  /// Takes away answers for which nobody came.
  func tidy(at now: Timestamp) throws(FileFault) {
    for name in try files.list(state.requests) where name.description.hasSuffix(".answer") {
      let path = state.requests.appending(name)
      guard let info = try files.info(path), now - Timestamp(nanoseconds: info.modified) > Self.answerLife else {
        continue
      }
      try files.remove(path)
    }
  }

  private func answerPath(_ letter: FilePath) -> FilePath {
    var path = letter
    path.extension = "answer"
    return path
  }
}
