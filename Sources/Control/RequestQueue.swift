public import Core
public import Files
import FoundationEssentials
public import Journal
public import Spool
public import SystemPackage

/// The folder through which commands and the agent speak.
public struct RequestQueue: Sendable {
  private let state: StateFolder
  private let files: any Files

  public init(state: StateFolder, files: any Files) { (self.state, self.files) = (state, files) }

  public struct RequestFile: Sendable {
    public let path: FilePath
    /// Nil where the file is not one of ours; it is put away unread.
    public let request: Request?
  }

  public func prepare() throws(FileFault) {
    try files.ensureDirectory(state.requests)
  }

  /// - Returns: the request's file; it vanishes when the request was carried out.
  public func post(_ request: Request, at now: Timestamp) throws(FileFault) -> FilePath {
    try prepare()
    let path = state.requests.appending("\(now.compact)-\(String(UInt32.random(in: 0 ... .max), radix: 16)).json")
    try files.write(encodePlan(request), to: path)
    return path
  }

  /// Nil as long as the agent has not carried the request out.
  public func answer(to path: FilePath) throws(FileFault) -> Answer? {
    guard try files.info(path) == nil else { return nil }
    let answer = answerPath(path)
    defer { try? files.remove(answer) }
    return (try? files.readPlan(Answer.self, at: answer)) ?? Answer()
  }

  /// A file that cannot be read stays where it is, and the others are carried out all the same.
  public func open() throws(FileFault) -> [RequestFile] {
    var found: [RequestFile] = []
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
      found.append(RequestFile(path: path, request: request))
    }
    return found
  }

  /// Each request by itself: whatever comes of it, it has its answer then, and the next one has its turn.
  /// - Throws: where its file cannot be put away.
  public func answer(_ file: RequestFile, by handler: RequestHandler, _ events: any EventSink) async throws(FileFault) {
    guard let request = file.request else {
      return try done(file, Answer(lines: ["this agent does not understand the request"], isRefused: true))
    }
    let answer: Answer
    do {
      answer = try await handler.carryOut(request)
    } catch {
      answer = Answer(lines: ["it could not be done: \(error)"], isRefused: true)
      events.record(.lanePaused, "A request could not be carried out: \(error)", [.reason: "request"])
    }
    try done(file, answer)
  }

  /// The answer is there before the request goes.
  public func done(_ file: RequestFile, _ answer: Answer) throws(FileFault) {
    // Where the answer cannot be written (a full disk, say), the request is over all the same.
    try? files.write(encodePlan(answer), to: answerPath(file.path))
    try files.removeTree(file.path)
  }

  /// Takes away answers for which nobody came.
  public func tidy(at now: Timestamp) throws(FileFault) {
    for name in try files.list(state.requests) where name.description.hasSuffix(".answer") {
      let path = state.requests.appending(name)
      guard let info = try files.info(path), now - Timestamp(nanoseconds: info.modified) > Limits.answerLife else {
        continue
      }
      try files.remove(path)
    }
  }

  private func answerPath(_ file: FilePath) -> FilePath {
    var path = file
    path.extension = "answer"
    return path
  }
}
