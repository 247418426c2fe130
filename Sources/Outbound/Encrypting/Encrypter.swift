import Config
import Core
import Files
import Lanes
import SystemPackage
import Threads

/// Encrypts one object for a recipient as it is written, by the gpg program: bytes go in and come out while a batch is cut, and no file holds
/// them clear. Every run gives other bytes; what is sealed is never encrypted again.
final class Encrypter {
  private let key: PublicKey
  private let turn: Turn
  private let stream: StreamName
  private var program: PipedProgram?
  private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.encryptedRead, alignment: 16)

  /// - Parameter turn: the stream's; others have its place while the program is waited for.
  init(_ settings: StreamSettings.Encrypt, of stream: StreamName, _ turn: Turn) {
    key = PublicKey(settings.key)
    (self.stream, self.turn) = (stream, turn)
  }

  deinit {
    program?.end()
    room.deallocate()
  }

  /// - Throws: where gpg cannot be used, refuses the key, or hangs; and what `emit` throws.
  func write(
    _ bytes: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) {
    let program = try started()
    var rest = bytes
    while !rest.isEmpty {
      switch try look(at: program) {
      case .room: rest = UnsafeRawBufferPointer(rebasing: rest[program.give(rest)...])
      case .output:
        if try take(from: program, emit) { throw ended(program) }
      case .nothing: break
      }
    }
  }

  /// What was written is all. Nothing was: nothing comes.
  func finish(emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void) throws(FileFault) {
    guard let program else { return }
    program.closeInput()
    var isWhole = false
    while !isWhole {
      if try look(at: program) == .output { isWhole = try take(from: program, emit) }
    }
    let ending = program.wait(atMost: Limits.programEnd)
    self.program = nil
    guard ending == .status(0) else { throw refused() }
  }

  private func started() throws(FileFault) -> PipedProgram {
    if let program { return program }
    do throws(Child.Refusal) {
      let started = try key.encrypting()
      program = started
      return started
    } catch {
      throw PublicKey.fault(error.description)
    }
  }

  private func look(at program: PipedProgram) throws(FileFault) -> PipedProgram.Look {
    let soon = program.look(atMost: Limits.programFirstLook)
    if soon != .nothing { return soon }
    for _ in 0..<Limits.programLooks {
      let look = turn.aside { program.look(atMost: Limits.programLook) }
      if look != .nothing { return look }
    }
    throw FileFault(
      .hung, "Cannot encrypt with", at: "gpg", why: "it hangs: it neither reads nor writes",
      remedy: "See what it waits for as the user that navette runs as; it is tried again later by itself")
  }

  /// - Returns: whether it has said all.
  private func take(
    from program: PipedProgram, _ emit: (UnsafeRawBufferPointer) throws(FileFault) -> Void
  ) throws(FileFault) -> Bool {
    switch program.receive(into: room) {
    case .bytes(let count): try emit(UnsafeRawBufferPointer(rebasing: room[..<count]))
    case .nothing: break
    case .end: return true
    }
    return false
  }

  /// Before it was given all.
  private func ended(_ program: PipedProgram) -> FileFault {
    _ = program.wait(atMost: Limits.programEnd)
    self.program = nil
    return refused()
  }

  /// It says why to people only; what its key is, tells.
  private func refused() -> FileFault {
    do throws(FileFault) {
      let facts = try key.facts()
      if let complaint = facts.complaint(at: SystemClock.wall()) { return PublicKey.refusal(complaint, of: stream) }
    } catch {
      return error
    }
    return PublicKey.refusal("GnuPG does not encrypt for it", of: stream)
  }
}
