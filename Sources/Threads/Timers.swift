internal import Core

/// Calls back when a time has come. One thread for all; it sleeps exactly until the next alarm.
public final class Timers: Sendable {
  public static let shared = Timers()

  public struct Alarm: Hashable, Sendable { fileprivate let number: UInt64 }

  private struct Due {
    let uptime: Duration
    let alarm: Alarm
  }

  private struct State {
    /// Latest first. Cancelled ones stay until they are due or outnumber the others.
    var due: [Due] = []
    var actions: [Alarm: @Sendable () -> Void] = [:]
    var number: UInt64 = 0
    var hasBegun = false

    /// Where an alarm of this time goes: after all later ones, before those of its own time that were set earlier.
    func place(for uptime: Duration) -> Int {
      var (low, high) = (0, due.count)
      while low < high {
        let middle = (low + high) / 2
        if due[middle].uptime > uptime { low = middle + 1 } else { high = middle }
      }
      return low
    }

    mutating func tidy() {
      while let last = due.last, actions[last.alarm] == nil { due.removeLast() }
      if due.count > 2 * actions.count + Limits.cancelledTimers { due.removeAll { actions[$0.alarm] == nil } }
    }
  }

  private let monitor = Monitor(State())

  init() {}

  /// - Parameter action: called on the alarms' own thread, unless cancelled before; must be short.
  @discardableResult
  public func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) -> Alarm {
    let uptime = SystemClock.uptime() + delay
    let (alarm, begins, isNext): (Alarm, Bool, Bool) = monitor.withLock { state in
      state.number += 1
      let alarm = Alarm(number: state.number)
      let place = state.place(for: uptime)
      state.due.insert(Due(uptime: uptime, alarm: alarm), at: place)
      state.actions[alarm] = action
      defer { state.hasBegun = true }
      return (alarm, !state.hasBegun, place == state.due.count - 1)
    }
    if begins {
      let hasThread = Thread.start("navette-alarms") { [self] in
        while true { next()() }
      }
      precondition(hasThread, "no thread for alarms: the limit of processes (ulimit -u, TasksMax=) is too low")
    } else if isNext {
      monitor.wakeOne()
    }
    return alarm
  }

  /// After this the action is not begun any more.
  public func cancel(_ alarm: Alarm) {
    monitor.withLock { state in
      state.actions[alarm] = nil
      state.tidy()
    }
  }

  private func next() -> @Sendable () -> Void {
    monitor.wait { state in
      state.tidy()
      guard let first = state.due.last else { return .sleep }
      guard first.uptime <= SystemClock.uptime() else { return .sleepUntil(first.uptime) }
      state.due.removeLast()
      return state.actions.removeValue(forKey: first.alarm).map { .go($0) } ?? .sleep
    }
  }
}

/// Sleeps so long, or until the task is cancelled. (`Task.sleep` would wake up libdispatch.)
public func sleep(for duration: Duration) async {
  let waker = Waker()
  _ = await waker.wait(atMost: duration)
}
