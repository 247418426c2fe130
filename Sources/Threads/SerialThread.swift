/// A thread that does one piece of work after the other, and may block. It begins with its first work, sleeps without waking up
/// between two, and ends when the last reference to this object has gone and all its work is done.
public final class SerialThread: Sendable {
  private struct State {
    var work = Queue<@Sendable () -> Void>()
    var hasBegun = false
    var isClosed = false
  }

  private let name: String
  private let monitor = Monitor(State())

  /// - Parameter name: at most 15 bytes, for `ps -L` and debuggers.
  public init(_ name: String) { self.name = name }

  deinit {
    monitor.withLock { $0.isClosed = true }
    monitor.wakeOne()
  }

  /// From any thread; does not wait.
  public func run(_ work: @escaping @Sendable () -> Void) {
    let begins = monitor.withLock { state in
      state.work.append(work)
      defer { state.hasBegun = true }
      return !state.hasBegun
    }
    if begins { begin() } else { monitor.wakeOne() }
  }

  private func begin() {
    let monitor = monitor
    let hasThread = Thread.start(name) {
      while let work = Self.next(monitor) { work() }
    }
    precondition(hasThread, "no thread for \(name): the limit of processes (ulimit -u, TasksMax=) is too low")
  }

  private static func next(_ monitor: Monitor<State>) -> (@Sendable () -> Void)? {
    monitor.wait { state in
      if let work = state.work.popFirst() { return .go(work) }
      return state.isClosed ? .go(nil) : .sleep
    }
  }
}
