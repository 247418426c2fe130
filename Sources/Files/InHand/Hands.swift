internal import CLinux
internal import Core
internal import Glibc
public import Threads

/// What this process has in hand, kept where it outlives the process: plain stores into mapped memory, no system call, no lock. A step
/// says it around each item; whoever comes after a crash reads it.
///
/// `@unchecked Sendable` holds because `area` is a constant pointer to memory that lives as long as this object, and is written through
/// the functions of `inhand.h` alone: a slot belongs to whoever has claimed it by an atomic exchange until he gives it back.
public final class Hands: @unchecked Sendable {
  let area: UnsafeMutablePointer<cl_area>
  private let isMapped: Bool

  /// Told to nobody: for commands and tests.
  public static let none = Hands()

  init(mapped area: UnsafeMutablePointer<cl_area>) { (self.area, isMapped) = (area, true) }

  /// In memory alone.
  init() {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<cl_area>.size, alignment: 4096)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<cl_area>.size)
    (area, isMapped) = (memory.bindMemory(to: cl_area.self, capacity: 1), false)
  }

  deinit { if isMapped { cl_area_unmap(area) } else { UnsafeMutableRawPointer(area).deallocate() } }

  /// The calling thread has this in hand while `body` runs. May be nested; then the inner one counts.
  public func holding<Result, Failure: Error>(
    _ work: Work, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let slot = claim(work)
    defer { cl_hand_release(area, slot) }
    return try Seat(slot < 0 ? Seat.current.slot : slot).taken(body)
  }

  /// For a task: whatever thread works for it has this in hand, until the task and all that it began are over.
  public func taking(_ work: Work) -> SeatExecutor {
    let slot = claim(work)
    return SeatExecutor(Seat(slot)) { [self] in cl_hand_release(area, slot) }
  }

  /// From now on a crash of this process is written down before it ends.
  public func watchForCrashes() { cl_crash_arm(area) }

  /// The life ended by itself, and has said why; durable where the disk lets it.
  /// - Parameter code: its exit code; 0: it was asked to stop, or was through.
  public func end(code: Int32) {
    var finish = cl_finish(state: 1, code: code, at_ns: SystemClock.wall().nanoseconds, check: 0)
    finish.check = Self.check(finish, upTo: \.check)
    area.pointee.finish = finish
    cl_area_sync(area)
  }

  private func claim(_ work: Work) -> Int32 {
    var (lane, item, store) = (work.lane.name, work.item.text, work.store?.text ?? "")
    return lane.withUTF8 { lane in
      item.withUTF8 { item in
        store.withUTF8 { store in
          cl_hand_claim(
            area, work.lane.kind, Self.text(lane), work.step.rawValue, Self.text(store), work.item.kind,
            Self.text(item))
        }
      }
    }
  }

  private static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> cl_text {
    cl_text(bytes: UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self), count: bytes.count)
  }

  /// Of a record's bytes before its own sum.
  static func check<Record>(_ record: Record, upTo field: PartialKeyPath<Record>) -> UInt64 {
    withUnsafeBytes(of: record) { bytes in
      guard let start = bytes.baseAddress, let count = MemoryLayout<Record>.offset(of: field) else { return 0 }
      return cl_check(start, count)
    }
  }
}
