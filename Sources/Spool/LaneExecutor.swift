import Dispatch

/// A serial queue for one actor, where blocking is allowed: a lane's disk and ledger work must not take a thread of the
/// cooperative pool, which has only as many as there are cores. (A blocked serial queue has a thread to itself.)
///
/// In the actor: `nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }`.
public final class LaneExecutor: SerialExecutor {
  private let queue: DispatchQueue

  /// - Parameter label: what debuggers call the queue.
  public init(label: String) { queue = DispatchQueue(label: label) }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  public func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
