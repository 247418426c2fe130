internal import CLinux
public import Core
internal import Glibc
public import SystemPackage

/// One agent per state folder. The kernel holds the lock for the open file and gives it up when the process ends, however it ends;
/// what is written in the file only tells people who holds it.
public final class AgentLock: Sendable {
  /// Who holds the lock. `pid` is nil in the instant between taking the lock and writing the number.
  public struct Holder: Hashable, Sendable {
    public let pid: Int32?
    /// Clock ticks between the boot of the machine and the start of the process, as in `/proc/PID/stat`: with the pid, it names
    /// one process for good.
    public let startTicks: UInt64?
  }

  private let number: Int32

  /// `.exists` where another agent holds the lock; the fault names its pid.
  public init(state: FilePath) throws(FileFault) {
    let path = AgentLock.path(in: state)
    while true {
      let number = try demand("Cannot open", path) {
        open($0, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode_t(AccessMode.stateFile.rawValue))
      }
      do throws(FileFault) {
        try AgentLock.take(number, path)
        // Somebody may have deleted the file before we had the lock: then ours is the lock of a file that nobody finds.
        var raw = cl_info()
        if cl_info_of(number, &raw) == 0, raw.links == 0 {
          close(number)
          continue
        }
        try AgentLock.sign(number, path)
        self.number = number
        return
      } catch {
        close(number)
        throw error
      }
    }
  }

  deinit { close(number) }

  /// Nil where no agent runs on this state folder. Takes nothing, so it never stands in an agent's way.
  public static func holder(of state: FilePath) throws(FileFault) -> Holder? {
    let path = path(in: state)
    let file: Descriptor
    do {
      file = try Descriptor("Cannot open", LastStep(path), O_RDONLY)
    } catch {
      if error.kind == .missing { return nil }
      throw error
    }
    guard try file.checked("Cannot ask for the lock of", { Int(cl_lock_is_held(file.number)) }) == 1 else { return nil }
    return signature(file.number)
  }

  private static func path(in state: FilePath) -> FilePath { state.appending(FileName("lock")) }

  private static func take(_ number: Int32, _ path: FilePath) throws(FileFault) {
    guard let failure = attempt({ cl_lock_exclusive(number) }).failure else { return }
    guard failure == EAGAIN || failure == EACCES else { throw FileFault(errno: failure, "Cannot lock", path) }
    let who = signature(number).pid.map { "another agent holds it (pid \($0))" } ?? "another agent holds it"
    throw FileFault(
      .exists, "Cannot lock", at: path, why: who, remedy: "Stop that agent first, or use another state folder")
  }

  private static func sign(_ number: Int32, _ path: FilePath) throws(FileFault) {
    let text = Array("\(getpid()) \(ownStartTicks().map(String.init) ?? "-")\n".utf8)
    let failure = attempt { ftruncate(number, 0) }.failure ?? attempt { pwrite(number, text, text.count, 0) }.failure
    if let failure { throw FileFault(errno: failure, "Cannot write", path) }
  }

  private static func signature(_ number: Int32) -> Holder {
    let words = firstBytes(number).split(separator: UInt8(ascii: " "))
    let numbers = words.map { UInt64(String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) }
    return Holder(
      pid: numbers.first.flatMap { $0 }.flatMap { Int32(exactly: $0) },
      startTicks: numbers.dropFirst().first.flatMap { $0 })
  }

  /// Field 22 of `/proc/self/stat` (proc_pid_stat(5)). The second field is the program's name and may hold anything, so the count
  /// begins after its closing parenthesis.
  private static func ownStartTicks() -> UInt64? {
    let number = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    defer { close(number) }
    let bytes = firstBytes(number)
    guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
    return fields.count > 19 ? UInt64(String(decoding: fields[19], as: UTF8.self)) : nil
  }

  private static func firstBytes(_ number: Int32) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
      count = max(0, attempt { pread(number, buffer.baseAddress, buffer.count, 0) }.result)
    }
  }
}
