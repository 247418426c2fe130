import CLinux
import Core
import Glibc
import Store
import Threads

/// A program that prints keys as JSON (docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html). It is run without
/// a shell; what it says on its error output goes nowhere, since it may hold anything.
struct CredentialProcess: Sendable {
  private let argv: [String]
  private let environment: [String: String]
  private let blocking: BlockingQueue
  private let timeout: Duration

  init(
    _ argv: [String], environment: [String: String], blocking: BlockingQueue, timeout: Duration = Limits.programTimeout
  ) {
    (self.argv, self.environment, self.blocking, self.timeout) = (argv, environment, blocking, timeout)
  }

  func run() async throws(StoreFault) -> AWSCredentials {
    let output = try await blocking.run { () throws(StoreFault) in try execute() }
    guard let document = CredentialDocument(output) else { throw fault(.denied, "it printed no JSON of keys") }
    guard document.version == 1 else { throw fault(.denied, "it printed a document of another version than 1") }
    guard let found = document.credentials else { throw fault(.denied, "what it printed holds no whole set of keys") }
    return found
  }

  /// Splits as a shell would, without doing anything else that a shell does; nil where a quote is open.
  static func words(_ command: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in command {
      if isEscaped {
        // Within "…" a backslash is itself, except before these.
        if quote == "\"", !["\"", "\\", "$", "`"].contains(character) { word = (word ?? "") + "\\" }
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character == " " || character == "\t" {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let done = word { words.append(done) }
    return quote == nil && !isEscaped ? words : nil
  }

  private var program: String { argv.first ?? "" }

  private func fault(_ kind: StoreKind, _ why: String) -> StoreFault {
    StoreFault(
      kind, AWSCredentials.what, at: "credential_process \(program)", why: why,
      remedy: "Run it by hand, as the user that navette runs as")
  }

  // MARK: The process

  private func execute() throws(StoreFault) -> [UInt8] {
    var ends: [Int32] = [-1, -1]
    guard cl_pipe(&ends) == 0 else { throw fault(.unreachable, "no pipe to it") }
    defer { close(ends[0]) }
    let child: Child
    do throws(Child.Refusal) {
      defer { close(ends[1]) }
      child = try Child(argv, environment: environment.map { "\($0)=\($1)" }, descriptors: [nil, ends[1], nil])
    } catch {
      throw fault(.denied, error.description)
    }
    let output = collect(from: ends[0])
    if output == nil { child.kill() }
    let ending = child.wait()
    guard let output else { throw fault(.unreachable, "it did not end in time, or printed more than keys") }
    switch ending {
    case .status(0): return output
    case .status(let code): throw fault(.denied, "it ended with \(code)")
    case .signal(let number): throw fault(.unreachable, "signal \(number) ended it")
    case .unknown: throw fault(.unreachable, "it ended, and nobody knows how")
    }
  }

  /// All of it, until it ends; nil where that is too much or takes too long.
  private func collect(from descriptor: Int32) -> [UInt8]? {
    let deadline = SystemClock.uptime() + timeout
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: Limits.programRead)
    while true {
      let left = (deadline - SystemClock.uptime()).milliseconds
      guard left > 0 else { return nil }
      var watch = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&watch, 1, Int32(clamping: left + 1))
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      guard ready > 0 else { return nil }
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return count == 0 ? bytes : nil }
      bytes += chunk[..<count]
      guard bytes.count <= Limits.programBytes else { return nil }
    }
  }
}
