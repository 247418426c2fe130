import Core
import Glibc
import Store

/// A program that prints keys as JSON (docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html). It is run without
/// a shell; what it says on its error output goes nowhere, since it may hold anything.
struct CredentialProcess: Sendable {
  static let timeout: Duration = .seconds(60)
  /// A document has a few hundred bytes; session tokens may have thousands.
  static let outputBytes = 64 * 1024

  private let argv: [String]
  private let environment: [String: String]
  private let blocking: BlockingQueue
  private let timeout: Duration

  init(
    _ argv: [String], environment: [String: String], blocking: BlockingQueue, timeout: Duration = Self.timeout
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
    guard pipe(&ends) == 0 else { throw fault(.unreachable, "no pipe to it") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let child: pid_t
    do throws(StoreFault) {
      defer { close(ends[1]) }
      child = try start(output: ends[1])
    } catch {
      close(ends[0])
      throw error
    }
    let output = collect(from: ends[0])
    close(ends[0])
    var status: Int32 = 0
    // Its group: what it started ends with it.
    if output == nil { kill(-child, SIGKILL) }
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    guard let output else { throw fault(.unreachable, "it did not end in time, or printed more than keys") }
    guard status & 0x7f == 0 else { throw fault(.unreachable, "signal \(status & 0x7f) ended it") }
    guard (status >> 8) & 0xff == 0 else { throw fault(.denied, "it ended with \((status >> 8) & 0xff)") }
    return output
  }

  private func start(output: Int32) throws(StoreFault) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    var arguments: [UnsafeMutablePointer<CChar>?] = argv.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, program, &actions, &attributes, &arguments, &variables)
    guard code == 0 else { throw fault(.denied, String(cString: strerror(code))) }
    return child
  }

  /// All of it, until it ends; nil where that is too much or takes too long.
  private func collect(from descriptor: Int32) -> [UInt8]? {
    let deadline = SystemClock.uptime() + timeout
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
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
      guard bytes.count <= Self.outputBytes else { return nil }
    }
  }
}
