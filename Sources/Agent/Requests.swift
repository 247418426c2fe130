public import Core
import Files
import FoundationEssentials
import Journal
import Spool
import SystemPackage

/// What a command asks of the agent: a file in `requests/`, which is removed once it was carried out.
public enum Request: Hashable, Sendable, Codable {
  /// Nil: every stream.
  case flush(streams: [StreamName]?)
  /// Drops and batches to be tried again now; nil: all.
  case retry(ids: [String]?)
  case release(drop: DropID, by: Requester)
  /// A batch in `damaged`.
  case releaseBatch(BatchID, by: Requester)
  /// The machine's clock is right, though it has jumped.
  case believeClock(by: Requester)
  /// Feeds and streams, by name.
  case pause(lanes: [String], by: Requester)
  case resume(lanes: [String], by: Requester)
  case purge(drops: [DropID], batches: [BatchID], by: Requester)
  case purgeFeed(FeedName, before: Timestamp, by: Requester)

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
struct RequestQueue {
  let state: StateFolder
  let files: any Files

  struct RequestFile {
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
  func open() throws(FileFault) -> [RequestFile] {
    var letters: [RequestFile] = []
    for name in try files.list(state.requests).sorted() where name.description.hasSuffix(".json") {
      let path = state.requests.appending(name)
      let request: Request?
      do throws(FileFault) {
        let bytes = try files.contents(of: path, limit: Limits.requestBytes)
        request = try? JSONDecoder().decode(Request.self, from: Data(bytes))
      } catch {
        // Too large, or no file at all: not one of ours.
        guard error.kind == .damaged else { continue }
        request = nil
      }
      letters.append(RequestFile(path: path, request: request))
    }
    return letters
  }

  /// Each request by itself: whatever comes of it, it has its answer then, and the next one has its turn.
  /// - Throws: where its file cannot be put away.
  func answer(_ letter: RequestFile, by handler: RequestHandler, _ events: any EventSink) async throws(FileFault) {
    guard let request = letter.request else {
      return try done(letter, Answer(lines: ["this agent does not understand the request"], isRefused: true))
    }
    let answer: Answer
    do {
      answer = try await handler.carryOut(request)
    } catch {
      answer = Answer(lines: ["it could not be done: \(error)"], isRefused: true)
      events.record(.lanePaused, "A request could not be carried out: \(error)", [.reason: "request"])
    }
    try done(letter, answer)
  }

  /// The answer is there before the request goes.
  func done(_ letter: RequestFile, _ answer: Answer) throws(FileFault) {
    // Where the answer cannot be written (a full disk, say), the request is over all the same.
    try? files.write(encodePlan(answer), to: answerPath(letter.path))
    try files.removeTree(letter.path)
  }

  /// Takes away answers for which nobody came.
  func tidy(at now: Timestamp) throws(FileFault) {
    for name in try files.list(state.requests) where name.description.hasSuffix(".answer") {
      let path = state.requests.appending(name)
      guard let info = try files.info(path), now - Timestamp(nanoseconds: info.modified) > Limits.answerLife else {
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
