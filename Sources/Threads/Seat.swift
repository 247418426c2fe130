internal import CLinux

/// The slot, in the file of what is in hand, that a thread works for: what a crash on that thread is told with. Work that goes on in
/// another thread takes its seat along.
public struct Seat: Hashable, Sendable {
  public static let none = Seat(-1)

  public let slot: Int32

  public init(_ slot: Int32) { self.slot = slot }

  /// The calling thread's.
  public static var current: Seat { Seat(cl_seat()) }

  /// The calling thread works for this seat until `body` is through, then for the one that it had before.
  public func taken<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let before = cl_seat_take(slot)
    defer { _ = cl_seat_take(before) }
    return try body()
  }
}

/// Runs a task, and its child tasks, on our own pool, and gives each thread that takes part in it the task's seat.
public final class SeatExecutor: TaskExecutor {
  public let seat: Seat
  private let atEnd: @Sendable () -> Void

  /// - Parameter atEnd: called when nobody works for it any more.
  public init(_ seat: Seat, atEnd: @escaping @Sendable () -> Void) {
    self.seat = seat
    self.atEnd = atEnd
  }

  deinit { atEnd() }

  public func enqueue(_ job: consuming ExecutorJob) { WorkerPool.shared.enqueue(UnownedJob(job), on: self) }

  func run(_ job: UnownedJob) { seat.taken { job.runSynchronously(on: asUnownedTaskExecutor()) } }
}
