import Core
import Files
import Glibc
import Lanes
import Threads

/// One run of a program of GnuPG: bytes go in and come out by sockets, so nothing needs a file and a program that ends early raises no
/// signal here. What it writes for people goes nowhere: it may name whoever holds a key.
struct GnuPGProcess {
  /// Descriptors of the program, beside its input and output.
  static let statusNumber: Int32 = 3
  static let passphraseNumber: Int32 = 4

  struct Ending {
    /// Nil: a signal ended it.
    var exit: Int32?
    var status = GnuPGStatus()
    /// It was asked to stop, or its output was enough.
    var wasStopped = false
    var hadEnough = false
  }

  let program: String
  let arguments: [String]
  let environment: [String]
  /// So many without a byte: it hangs.
  var looks = Limits.gpgLooks
  var turn = Turn.free()

  /// - Parameter passphrase: nil: the program is given none.
  func run(
    passphrase: String? = nil, from source: KeyRing.Source, stop: () -> Bool = { false }, to sink: KeyRing.Sink
  ) throws(FileFault) -> Ending {
    let input: SocketPair, output: SocketPair, status: SocketPair, secret: SocketPair?
    let child: Child
    do throws(Child.Refusal) {
      (input, output, status) = (try SocketPair(), try SocketPair(), try SocketPair())
      secret = try passphrase.map { (_) throws(Child.Refusal) in try SocketPair() }
      child = try Child(
        [program] + arguments, environment: environment,
        descriptors: [input.theirs, output.theirs, nil, status.theirs, secret?.theirs])
    } catch {
      throw fault(error.description)
    }
    for ends in [input, output, status, secret] { ends?.closeTheirs() }
    if let secret, let passphrase {
      let line = Array("\(passphrase)\n".utf8)
      _ = line.withUnsafeBytes { send(secret.ours, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      secret.closeOurs()
    }
    var pump = Pump(input: input, output: output, status: status)
    var ending = Ending()
    do throws(FileFault) {
      try pump.run(&ending, source, stop, sink, looks, turn, hangs)
    } catch {
      child.kill()
      child.wait()
      throw error
    }
    if ending.wasStopped || ending.hadEnough { child.kill() }
    if case .status(let code) = child.wait() { ending.exit = code }
    return ending
  }

  func fault(_ why: String) -> FileFault {
    FileFault(
      .io, "Cannot decrypt with", at: program, why: why,
      remedy: "Install GnuPG (Debian: apt-get install gnupg) and see whether it runs as the user that navette runs as")
  }

  private var hangs: FileFault {
    FileFault(
      .hung, "Cannot decrypt with", at: program, why: "it hangs: it neither reads nor writes",
      remedy: "See what it waits for as the user that navette runs as; it is tried again later by itself")
  }

  /// Feeds the program and takes what it gives, whichever is ready.
  private struct Pump {
    let input, output, status: SocketPair
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 16)
    /// What is read of the source and not sent yet.
    private var waiting = 0..<0
    private var idle = 0

    init(input: SocketPair, output: SocketPair, status: SocketPair) {
      (self.input, self.output, self.status) = (input, output, status)
    }

    mutating func run(
      _ ending: inout Ending, _ source: KeyRing.Source, _ stop: () -> Bool, _ sink: KeyRing.Sink, _ most: Int,
      _ turn: Turn, _ hangs: FileFault
    ) throws(FileFault) {
      defer { room.deallocate() }
      let taken = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 16)
      defer { taken.deallocate() }
      while output.ours >= 0 || status.ours >= 0 {
        if stop() {
          ending.wasStopped = true
          return
        }
        // A descriptor below zero is passed over.
        var looks = [
          pollfd(fd: output.ours, events: Int16(POLLIN), revents: 0),
          pollfd(fd: status.ours, events: Int16(POLLIN), revents: 0),
          pollfd(fd: input.ours, events: Int16(POLLOUT), revents: 0),
        ]
        var ready = poll(&looks, 3, Limits.gpgFirstLook)
        if ready == 0 { ready = turn.aside { poll(&looks, 3, Limits.gpgLook) } }
        if ready <= 0 {
          idle += 1
          if idle >= most { throw hangs }
          continue
        }
        idle = 0
        if looks[1].revents != 0, let bytes = Self.receive(status, taken) { ending.status.feed(bytes) }
        if looks[0].revents != 0, let bytes = Self.receive(output, taken), try !sink(bytes) {
          ending.hadEnough = true
          return
        }
        if looks[2].revents != 0 { try push(source) }
      }
    }

    /// Nil: nothing, or its end.
    private static func receive(_ ends: SocketPair, _ room: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer? {
      let count = recv(ends.ours, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
      if count > 0 { return UnsafeRawBufferPointer(rebasing: room[..<count]) }
      if count == 0 || (errno != EAGAIN && errno != EINTR) { ends.closeOurs() }
      return nil
    }

    private mutating func push(_ source: KeyRing.Source) throws(FileFault) {
      if waiting.isEmpty {
        waiting = 0..<(try source(room))
        // The end of the message, told by the end of the connection.
        if waiting.isEmpty { return input.closeOurs() }
      }
      let bytes = UnsafeRawBufferPointer(rebasing: room[waiting])
      let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
      let sent = send(input.ours, bytes.baseAddress, bytes.count, flags)
      if sent > 0 {
        waiting = (waiting.lowerBound + sent)..<waiting.upperBound
      } else if sent < 0, errno != EAGAIN, errno != EINTR {
        // It wants no more; what it thinks of that is in its status.
        input.closeOurs()
      }
    }
  }
}
