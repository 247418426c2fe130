import Core
import Files
import Glibc
import SystemPackage
import Threads

/// Unpacks by a program of the system, that is given the bytes and gives back what they hold, by sockets: nothing needs a file, the program
/// sees no path, and one that ends early raises no signal here. It waits as long as nobody takes what it gives.
final class ProgramUnpacker: Unpacker {
  private let file: any ReadableFile
  private let packing: Packing
  private let path: FilePath
  private var program: Program?
  private var fed: UInt64 = 0
  /// What is read of the file and not sent yet.
  private var input: [UInt8] = []
  private var sent = 0
  private var isEnded = false

  init(_ file: any ReadableFile, _ packing: Packing, _ path: FilePath) {
    (self.file, self.packing, self.path) = (file, packing, path)
  }

  deinit { program?.end() }

  func next(into window: inout [UInt8]) throws(FileFault) -> Bool {
    guard !isEnded else { return false }
    if self.program == nil { self.program = try start() }
    guard let program = self.program else { return false }
    for _ in 0..<Limits.unpackLooks {
      switch program.look() {
      case .nothing: continue
      case .room: try push(to: program)
      case .output:
        let taken = program.take(into: &window)
        guard taken == .end else { return true }
        try finish(program)
        return false
      }
      // Something has moved: the program does not hang.
      return true
    }
    program.end()
    self.program = nil
    throw FileFault(
      .hung, "Cannot unpack", at: path, why: "\(packing.word) hangs: it neither reads nor writes",
      remedy:
        "See what it waits for as the user that navette runs as; it is tried again later by itself")
  }

  private func start() throws(FileFault) -> Program {
    guard let program = packing.program else { preconditionFailure("\(packing) needs no program") }
    let folders = ["/usr/bin", "/bin"]
    var why = "\(program.name) is not installed"
    for folder in folders {
      let path = "\(folder)/\(program.name)"
      guard access(path, X_OK) == 0 else { continue }
      do throws(NoStart) {
        return try Program([path] + program.arguments)
      } catch {
        why = "\(path) does not start: \(error.why)"
      }
    }
    throw FileFault(
      .denied, "Cannot unpack", at: path, why: why,
      remedy: "Install it (Debian: apt-get install \(program.package)); it is read from then on")
  }

  private func push(to program: Program) throws(FileFault) {
    if sent == input.count {
      input = [UInt8](repeating: 0, count: Limits.packedRead)
      let offset = fed
      let count = try input.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
        try file.read(into: UnsafeMutableRawBufferPointer(all), at: offset)
      }
      input.removeLast(input.count - count)
      (fed, sent) = (fed + UInt64(count), 0)
      if input.isEmpty { return program.closeInput() }
    }
    sent += program.give(input[sent...])
  }

  private func finish(_ program: Program) throws(FileFault) {
    let ending = program.wait()
    self.program = nil
    guard ending == .status(0) else {
      throw FileFault(
        .damaged, "Cannot unpack", at: path,
        why: "\(packing.word) says that it is damaged, or not whole")
    }
    isEnded = true
  }
}

extension ProgramUnpacker {
  private struct NoStart: Error {
    let why: String
  }

  /// The program under way, and our ends of its input and output.
  private final class Program {
    enum Look { case nothing, room, output }
    enum Taken: Hashable { case some, end }

    private let child: Child
    private var input: Int32
    private var output: Int32
    private var isOver = false

    init(_ words: [String]) throws(NoStart) {
      guard let input = Self.pair() else {
        throw NoStart(why: String(cString: strerror(errno)))
      }
      guard let output = Self.pair() else {
        let why = String(cString: strerror(errno))
        close(input.ours)
        close(input.theirs)
        throw NoStart(why: why)
      }
      defer {
        close(input.theirs)
        close(output.theirs)
      }
      do throws(Child.Refusal) {
        child = try Child(
          words, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"],
          descriptors: [input.theirs, output.theirs, nil])
      } catch {
        close(input.ours)
        close(output.ours)
        throw NoStart(why: error.description)
      }
      (self.input, self.output) = (input.ours, output.ours)
    }

    /// Theirs out of the way of the numbers that the program is to have.
    private static func pair() -> (ours: Int32, theirs: Int32)? {
      var pair: [Int32] = [-1, -1]
      guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0
      else { return nil }
      let theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, 10)
      close(pair[1])
      guard theirs >= 0 else {
        close(pair[0])
        return nil
      }
      return (pair[0], theirs)
    }

    /// What it gives comes first: it may take no more before that is gone.
    func look() -> Look {
      // A descriptor below zero is passed over.
      var looks = [
        pollfd(fd: output, events: Int16(POLLIN), revents: 0),
        pollfd(fd: input, events: Int16(POLLOUT), revents: 0),
      ]
      guard poll(&looks, 2, Limits.unpackLook) > 0 else { return .nothing }
      return looks[0].revents != 0 ? .output : .room
    }

    func take(into window: inout [UInt8]) -> Taken {
      let count = withUnsafeTemporaryAllocation(byteCount: Limits.packedRead, alignment: 16) {
        room in
        let count = recv(output, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
        if count > 0 { window.append(contentsOf: room[..<count]) }
        return count
      }
      return count > 0 || count < 0 && (errno == EAGAIN || errno == EINTR) ? .some : .end
    }

    /// - Returns: how many of them it took.
    func give(_ bytes: ArraySlice<UInt8>) -> Int {
      let sent = bytes.withUnsafeBytes {
        send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      // It wants no more; what it thinks of that is in how it ends.
      if sent < 0, errno != EAGAIN, errno != EINTR { closeInput() }
      return max(sent, 0)
    }

    func closeInput() {
      if input >= 0 { close(input) }
      input = -1
    }

    private func closeBoth() {
      closeInput()
      if output >= 0 { close(output) }
      output = -1
    }

    /// It has said all; how it ends.
    func wait() -> Child.Ending {
      closeBoth()
      isOver = true
      return child.wait(atMost: .milliseconds(Int64(Limits.unpackLook) * Int64(Limits.unpackLooks)))
        ?? .unknown
    }

    func end() {
      closeBoth()
      guard !isOver else { return }
      isOver = true
      child.kill()
      child.wait()
    }
  }
}
