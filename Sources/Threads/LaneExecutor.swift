internal import Glibc

/// A thread for one actor, where blocking is allowed: a lane's disk and ledger work must not take a thread of the pool, which has
/// only as many as there are cores.
///
/// In the actor: `nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }`.
public final class LaneExecutor: SerialExecutor {
  private let thread: SerialThread

  /// - Parameter name: at most 15 bytes, for `ps -L` and debuggers.
  public init(_ name: String) { thread = SerialThread(name) }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // The job keeps the executor until it has run.
    thread.run { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
