import CMicroHTTPD
public import Core
import Glibc
public import SystemPackage
import Threads

/// Serves one page over HTTP, on a thread that sleeps until somebody asks.
public final class MetricsEndpoint: Sendable {
  public enum Address: Hashable, Sendable {
    case path(FilePath)
    /// A numeric one.
    case host(String, port: UInt16)

    public var shown: String {
      switch self {
      case .path(let path): path.string
      case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      }
    }
  }

  /// Nil where the figures cannot be had now.
  public typealias Page = @Sendable () -> String?

  private final class Book: Sendable {
    let page: Page
    init(_ page: @escaping Page) { self.page = page }
  }

  /// `@unchecked Sendable` holds because the pointer never changes and is used once, by `stop` under the lock.
  private struct Server: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
    let book: Unmanaged<Book>
  }

  public let address: Address
  private let server: Locked<Server?>

  /// - Parameter page: called on the endpoint's own thread.
  public init(_ address: Address, page: @escaping Page) throws(FileFault) {
    self.address = address
    let socket =
      switch address {
      case .path(let path): cm_listen_path(path.string)
      case .host(let host, let port): cm_listen_address(host, port)
      }
    guard socket >= 0 else { throw Self.fault(address, Errno(rawValue: errno).description) }
    let book = Unmanaged.passRetained(Book(page))
    guard let pointer = cm_start(socket, Self.answer, book.toOpaque()) else {
      book.release()
      throw Self.fault(address, "the HTTP server does not start")
    }
    server = Locked(Server(pointer: pointer, book: book))
  }

  /// Ends it: no page is being made when this returns.
  public func stop() {
    server.withLock { server in
      guard let started = server else { return }
      server = nil
      cm_stop(started.pointer)
      started.book.release()
      if case .path(let path) = address { unlink(path.string) }
    }
  }

  private static let plain: StaticString = "text/plain; charset=utf-8"

  private static func fault(_ address: Address, _ why: String) -> FileFault {
    FileFault(.io, "Cannot serve metrics at", at: address.shown, why: why)
  }

  private static let answer: cm_handler = { user, path, accept, answer in
    guard let user else { return }
    let page = Unmanaged<Book>.fromOpaque(user).takeUnretainedValue().page
    switch String(cString: path) {
    case "/metrics":
      guard let text = page() else { return fill(answer, 503, plain, "no figures now\n") }
      let wantsOpen = accept.map { String(cString: $0).contains("application/openmetrics-text") } ?? false
      fill(answer, 200, wantsOpen ? MetricsText.mediaType : MetricsText.olderMediaType, text)
    default: fill(answer, 404, plain, "the figures are at /metrics\n")
    }
  }

  private static func fill(
    _ answer: UnsafeMutablePointer<cm_answer>, _ status: UInt32, _ type: StaticString, _ text: String
  ) {
    var text = text
    let copy: (UnsafeMutableRawPointer?, Int) = text.withUTF8 { bytes in
      guard let room = malloc(max(1, bytes.count)) else { return (nil, 0) }
      if let base = bytes.baseAddress { room.copyMemory(from: base, byteCount: bytes.count) }
      return (room, bytes.count)
    }
    let type = UnsafeRawPointer(type.utf8Start).assumingMemoryBound(to: CChar.self)
    answer.pointee = cm_answer(status: status, type: type, bytes: copy.0, count: copy.1)
  }
}
