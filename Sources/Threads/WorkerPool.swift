internal import Core
internal import Glibc

/// Where tasks run that belong to no lane: a few threads that sleep until there is a job.
///
/// The runtime's own pool is libdispatch's, which wakes up once a second for as long as the process lives, and Swift 6.3 has no
/// public way to replace it. So every task of ours is given this pool as its executor: its child tasks inherit it.
/// Work in it must not block for long.
public final class WorkerPool: TaskExecutor {
  public static let shared = WorkerPool(threads: max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  private struct Work {
    let job: UnownedJob
    /// Of a task that has a seat; kept until it has run.
    var executor: SeatExecutor?
  }

  private struct State {
    var jobs = Queue<Work>()
    var idle = 0
    /// Woken, and not yet at work.
    var called = 0
    var threads = 0
  }

  private let limit: Int
  private let monitor = Monitor(State())

  init(threads: Int) { limit = threads }

  public func enqueue(_ job: consuming ExecutorJob) { enqueue(UnownedJob(job), on: nil) }

  func enqueue(_ job: UnownedJob, on executor: SeatExecutor?) {
    enum Step { case wake, begin, wait }
    let step: Step = monitor.withLock { state in
      state.jobs.append(Work(job: job, executor: executor))
      if state.idle > state.called {
        state.called += 1
        return .wake
      }
      guard state.threads < limit else { return .wait }
      state.threads += 1
      return .begin
    }
    switch step {
    case .wake: monitor.wakeOne()
    case .begin: begin()
    case .wait: break
    }
  }

  private func begin() {
    let hasThread = Thread.start("navette-worker") { [self] in
      while true { carryOut(next()) }
    }
    if hasThread { return }
    let left = monitor.withLock { state in
      state.threads -= 1
      return state.threads
    }
    precondition(left > 0, "no thread for tasks: the limit of processes (ulimit -u, TasksMax=) is too low")
  }

  private func carryOut(_ work: Work) {
    guard let executor = work.executor else { return work.job.runSynchronously(on: asUnownedTaskExecutor()) }
    executor.run(work.job)
  }

  private func next() -> Work {
    var isIdle = false
    return monitor.wait { state in
      if isIdle {
        state.idle -= 1
        state.called = max(0, state.called - 1)
        isIdle = false
      }
      if let job = state.jobs.popFirst() { return .go(job) }
      state.idle += 1
      isIdle = true
      return .sleep
    }
  }
}

extension Task where Failure == Never, Success: Sendable {
  /// Begins a task of its own on the pool.
  @discardableResult
  public static func onPool(_ body: @escaping @Sendable () async -> Success) -> Task<Success, Never> {
    Task.detached(executorPreference: WorkerPool.shared) { await body() }
  }
}
