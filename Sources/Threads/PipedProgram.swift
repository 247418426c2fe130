internal import Core
private import Glibc

/// A program that is given bytes and gives bytes back, by sockets: nothing needs a file, the program sees no path, and one that ends early
/// raises no signal here. What it writes for people goes nowhere. One thread at a time.
public final class PipedProgram {
  public enum Look: Hashable, Sendable {
    /// Nothing has moved for as long as was waited.
    case nothing
    /// It takes bytes.
    case room
    /// There are bytes of it to be taken, or it has closed its output.
    case output
  }
  public enum Received: Hashable, Sendable { case bytes(Int), nothing, end }

  /// The number that the program knows what it was told beside its input by, where there is such a thing.
  public static let besideNumber: Int32 = 3

  private let child: Child
  private let input: SocketPair
  private let output: SocketPair
  private var isOver = false

  /// - Parameters:
  ///   - argv: the program, by its path or found in PATH, and its arguments.
  ///   - environment: all of it, as `NAME=value`.
  ///   - beside: what it reads from descriptor `besideNumber`, such as a key; at most 64 KiB, which the kernel keeps until it is read.
  /// - Throws: why it does not start.
  public init(_ argv: [String], environment: [String], beside: [UInt8]? = nil) throws(Child.Refusal) {
    input = try SocketPair()
    output = try SocketPair()
    let told = try beside.map { (_) throws(Child.Refusal) in try SocketPair() }
    child = try Child(
      argv, environment: environment, descriptors: [input.theirs, output.theirs, nil, told?.theirs])
    for ends in [input, output, told] { ends?.closeTheirs() }
    if let told, let beside {
      _ = beside.withUnsafeBytes { send(told.ours, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      told.closeOurs()
    }
  }

  deinit { end() }

  /// What it gives comes first: it may take no more before that is gone.
  /// - Parameter atMost: milliseconds to wait.
  public func look(atMost: Int32) -> Look {
    // A descriptor below zero is passed over.
    var looks = [
      pollfd(fd: output.ours, events: Int16(POLLIN), revents: 0),
      pollfd(fd: input.ours, events: Int16(POLLOUT), revents: 0),
    ]
    guard poll(&looks, 2, atMost) > 0 else { return .nothing }
    return looks[0].revents != 0 ? .output : .room
  }

  /// Without waiting.
  public func receive(into room: UnsafeMutableRawBufferPointer) -> Received {
    let count = recv(output.ours, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
    if count > 0 { return .bytes(count) }
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? .nothing : .end
  }

  /// Without waiting.
  /// - Returns: how many of them it took.
  public func give(_ bytes: UnsafeRawBufferPointer) -> Int {
    let sent = send(input.ours, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    // It wants no more; what it thinks of that is in how it ends.
    if sent < 0, errno != EAGAIN, errno != EINTR { closeInput() }
    return max(sent, 0)
  }

  /// It has been given all.
  public func closeInput() { input.closeOurs() }

  /// It has given all, or is not listened to any more; how it ends. Nil: not in that time, and it was killed.
  public func wait(atMost: Duration) -> Child.Ending? {
    input.closeOurs()
    output.closeOurs()
    isOver = true
    return child.wait(atMost: atMost)
  }

  /// Whatever it does. May be said again.
  public func end() {
    input.closeOurs()
    output.closeOurs()
    guard !isOver else { return }
    isOver = true
    child.kill()
    child.wait()
  }
}

/// A connection to a program that is to be started: our end, and the one that becomes a descriptor of its own. Both are closed with the last
/// reference.
public final class SocketPair {
  /// Below zero: closed.
  public private(set) var ours: Int32 = -1
  public private(set) var theirs: Int32 = -1

  /// - Throws: where the process has no descriptor left.
  public init() throws(Child.Refusal) {
    var pair: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else {
      throw Child.Refusal(description: String(cString: strerror(errno)))
    }
    ours = pair[0]
    // Out of the way of the numbers that the program is to have.
    theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, 10)
    let code = errno
    close(pair[1])
    guard theirs >= 0 else { throw Child.Refusal(description: String(cString: strerror(code))) }
  }

  deinit {
    closeOurs()
    closeTheirs()
  }

  public func closeOurs() {
    if ours >= 0 { close(ours) }
    ours = -1
  }

  public func closeTheirs() {
    if theirs >= 0 { close(theirs) }
    theirs = -1
  }
}
