import Core
import Files
import Glibc
import SystemPackage
import Threads

/// Unpacks by a program of the system, that is given the bytes and gives back what they hold. It waits as long as nobody takes what it gives.
final class ProgramUnpacker: Unpacker {
  private let file: any ReadableFile
  private let packing: Packing
  private let path: FilePath
  private var program: PipedProgram?
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
    for _ in 0..<Limits.programLooks {
      switch program.look(atMost: Limits.programLook) {
      case .nothing: continue
      case .room: try push(to: program)
      case .output:
        guard take(from: program, into: &window) else { return true }
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

  private func start() throws(FileFault) -> PipedProgram {
    guard let program = packing.program else { preconditionFailure("\(packing) needs no program") }
    let folders = ["/usr/bin", "/bin"]
    var why = "\(program.name) is not installed"
    for folder in folders {
      let path = "\(folder)/\(program.name)"
      guard access(path, X_OK) == 0 else { continue }
      do throws(Child.Refusal) {
        return try PipedProgram([path] + program.arguments, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"])
      } catch {
        why = "\(path) does not start: \(error)"
      }
    }
    throw FileFault(
      .denied, "Cannot unpack", at: path, why: why,
      remedy: "Install it (Debian: apt-get install \(program.package)); it is read from then on")
  }

  private func push(to program: PipedProgram) throws(FileFault) {
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
    let rest = input[sent...]
    sent += rest.withUnsafeBytes { program.give($0) }
  }

  /// - Returns: whether it has said all.
  private func take(from program: PipedProgram, into window: inout [UInt8]) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: Limits.packedRead, alignment: 16) { room in
      switch program.receive(into: room) {
      case .bytes(let count):
        window.append(contentsOf: room[..<count])
        return false
      case .nothing: return false
      case .end: return true
      }
    }
  }

  private func finish(_ program: PipedProgram) throws(FileFault) {
    let ending = program.wait(atMost: Limits.programEnd)
    self.program = nil
    guard ending == .status(0) else {
      throw FileFault(
        .damaged, "Cannot unpack", at: path,
        why: "\(packing.word) says that it is damaged, or not whole")
    }
    isEnded = true
  }
}
