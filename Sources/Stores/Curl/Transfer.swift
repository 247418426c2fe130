import CCurl
import Config
import Core
import Files
import Store
import SystemPackage

/// One HTTP request, or one of SFTP, as values only. Nothing in it is retried, redirected or decoded: who sends it decides.
struct Transfer: Sendable {
  enum Method: String, Sendable {
    case get = "GET"
    case put = "PUT"
    case post = "POST"
    case head = "HEAD"
    case delete = "DELETE"
  }

  enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// Read while it is sent; `size` is announced, and a file that turns out shorter ends the transfer.
    case file(FilePath, size: UInt64)
    /// Bytes `from` to `from + size` of a file that is at least as long.
    case slice(FilePath, from: UInt64, size: UInt64)

    var size: UInt64 {
      switch self {
      case .none: 0
      case .bytes(let bytes): UInt64(bytes.count)
      case .file(_, let size), .slice(_, _, let size): size
      }
    }
  }

  /// Where the answer's body goes.
  enum Sink: Sendable {
    /// Into memory, up to `limit` bytes; beyond it the transfer ends and the answer is marked `truncated`.
    case bytes(limit: Int)
    /// Nowhere: only size and SHA-256 are wanted.
    case digest
    /// Into a new file where the status is 2xx; otherwise into memory, up to `Limits.errorBytes`. With more than `most` bytes the
    /// transfer ends, the answer is marked `truncated`, and there is no file.
    case file(FilePath, most: UInt64 = .max)
  }

  /// The longest that it may take in all, so that a server which trickles a byte a second does not keep a thread for weeks; nil where
  /// nobody can say: of an object of any size that is read, and of a large one under an allowance.
  func longest(_ options: TransferOptions) -> Duration? {
    let moving: UInt64
    switch sink {
    case .bytes(let limit): moving = UInt64(limit) / Limits.slowestAnswer +| body.size / Limits.slowestBody
    case .file(_, let most) where most < .max: moving = most / Limits.slowestBody
    case .file, .digest: return nil
    }
    guard options.throttle == nil || max(body.size, mostToFile) <= Limits.throttledBytes else { return nil }
    return options.connectTimeout + options.stallTimeout * 4 + .seconds(Int64(clamping: moving))
  }

  private var mostToFile: UInt64 { if case .file(_, let most) = sink { most } else { 0 } }

  var method: Method
  var url: String
  var headers: [(name: String, value: String)] = []
  /// Of SFTP, before the transfer itself: `rename "a" "b"`.
  var commands: [[UInt8]] = []
  /// Of SFTP: the names of a folder, with their attributes where the library tells them.
  var lists = false
  /// Of SFTP: the types of host keys that a new connection asks for; nil: any.
  var hostKeyTypes: String?
  var body = Body.none
  var sink = Sink.bytes(limit: Limits.errorBytes)
  /// Of an object over HTTP: what comes without an ETag is no object, and goes into memory as an error's body does.
  var needsTag = false
}

struct Answer: Sendable {
  var status = 0
  var headers = AnswerHeaders()
  /// What came into memory.
  var body: [UInt8] = []
  /// The body was longer than the limit.
  var truncated = false
  /// Bytes of the body, wherever they went.
  var received: UInt64 = 0
  /// Of the file, as an SFTP server says it; nil also where that is 0.
  var length: UInt64?
  /// With `Sink.digest`.
  var sha256: Digest?
  /// Of the file that was last looked at over SFTP, where it was told.
  var attributes: SFTPAttributes?
  /// Of a folder over SFTP: its names came with their attributes.
  var listsAttributes = false
  /// Of an upload over SFTP.
  var serverSync = ServerSync.notAsked

  var isSuccess: Bool { (200..<300).contains(status) }
}

/// What an SFTP server said when it was asked to make a file durable.
enum ServerSync: Hashable, Sendable {
  case done, failed
  /// It does not know the question.
  case unsupported
  /// This libcurl has no way to ask.
  case notAsked

  init(_ outcome: cc_sync) {
    switch outcome {
    case cc_sync_done: self = .done
    case cc_sync_failed: self = .failed
    case cc_sync_unsupported: self = .unsupported
    default: self = .notAsked
    }
  }
}

/// Names in lower case; of a name that comes twice the first counts.
struct AnswerHeaders: Sendable {
  private var values: [String: String] = [:]
  /// False from a status line on to the empty line that ends the headers.
  private(set) var isWhole = true

  init() {}
  init(_ fields: [String: String]) { for (name, value) in fields { values[name.lowercased()] = value } }

  subscript(name: String) -> String? { values[name] }

  func hasName(beginning prefix: String) -> Bool { values.keys.contains { $0.hasPrefix(prefix) } }

  /// One line as it came: a status line begins a new answer (after `100 Continue`), an empty one ends it.
  mutating func take(line: UnsafeRawBufferPointer) {
    let text = String(decoding: line, as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      (values, isWhole) = ([:], false)
      return
    }
    if trimmed(text).isEmpty { isWhole = true }
    guard values.count < Limits.headerFields, let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return }
    let name = text[..<colon].lowercased()
    if values[name] == nil { values[name] = trimmed(text[text.utf8.index(after: colon)...]) }
  }
}

/// Without blanks and line ends on either side.
func trimmed(_ text: some StringProtocol) -> String {
  func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
  var bytes = Array(text.utf8)[...]
  while let first = bytes.first, isBlank(first) { bytes.removeFirst() }
  while let last = bytes.last, isBlank(last) { bytes.removeLast() }
  return String(decoding: bytes, as: UTF8.self)
}

/// What holds for every transfer of one store.
struct TransferOptions: Sendable {
  /// The way to the endpoint.
  enum Proxy: Hashable, Sendable {
    /// What libcurl reads from the environment: `https_proxy`, `HTTPS_PROXY`, `http_proxy` (in lower case only), `no_proxy`, `NO_PROXY`.
    case environment
    /// None, whatever the environment says: for addresses of this machine that hand out keys.
    case none
    /// `http://[user:password@]host:port`, for every host.
    case url(Secret)
  }

  var connectTimeout = Limits.connectTimeout
  /// No byte moved for this long.
  var stallTimeout = Limits.stallTimeout
  /// Instead of the machine's authorities, not beside them.
  var caFile: FilePath?
  var proxy = Proxy.environment
  /// For SFTP, and nothing else then.
  var ssh: SSHAccess?
  /// The allowance that the transfers of all stores share.
  var throttle: Throttle?
  /// The product's name and version, for `User-Agent`.
  var agent = "navette"
}

extension TransferOptions {
  /// Those of any store; the rest is its own.
  init(_ settings: StoreSettings, caFile: FilePath? = nil, agent: String) {
    self.init(
      connectTimeout: settings.connectTimeout, stallTimeout: settings.stallTimeout, caFile: caFile,
      proxy: settings.proxy.map { .url($0) } ?? .environment, agent: agent)
  }
}
