internal import Core
internal import Threads

/// How many lanes may compute at the same time. Each lane has a thread of its own, on which it may block; for long work (checking,
/// cutting, packing) it takes one of a few places, and makes room when its time is over and others wait. So one lane's terabyte keeps no
/// other lane waiting, and a host with many lanes is not flooded.
///
/// A lane that does not come back to its place for a while is blocked in the kernel, on a network mount perhaps: another one takes the place
/// over, and the lane waits for a new one when it comes back.
public final class Workers: Sendable {
  struct Place {
    let turn: Int
    let since: Duration
    var seen: Duration
  }

  struct State {
    var free: Int
    var places: [Int: Place] = [:]
    /// Those who wait, the longest first.
    var queue: [Int] = []
    var turns = 0
  }

  private let monitor: Monitor<State>
  private let now: @Sendable () -> Duration

  /// - Parameter count: at least 1.
  public convenience init(count: Int) { self.init(count: count, now: SystemClock.uptime) }

  init(count: Int, now: @escaping @Sendable () -> Duration) {
    monitor = Monitor(State(free: max(1, count)))
    self.now = now
  }

  /// For one lane, that is one thread.
  public func turn() -> Turn {
    Turn(
      self,
      monitor.withLock { state in
        state.turns += 1
        return state.turns
      })
  }

  /// For tests: how many wait.
  var waitingForTests: Int { monitor.withLock { $0.queue.count } }

  fileprivate func take(_ turn: Int) {
    monitor.withLock { $0.queue.append(turn) }
    monitor.wait { (state) -> Monitor<State>.Answer<Void> in
      guard state.queue.first == turn else { return .sleep }
      let now = now()
      if state.free > 0 {
        state.free -= 1
      } else if let place = state.places.values.min(by: { $0.seen < $1.seen }) {
        if now - place.seen < Limits.lostWorker { return .sleepUntil(place.seen + Limits.lostWorker) }
        state.places[place.turn] = nil
      }
      state.queue.removeFirst()
      state.places[turn] = Place(turn: turn, since: now, seen: now)
      return .go(())
    }
    // Whoever is the first now may find another place.
    monitor.wakeAll()
  }

  fileprivate func giveBack(_ turn: Int) {
    monitor.withLock { state in if state.places.removeValue(forKey: turn) != nil { state.free += 1 } }
    monitor.wakeAll()
  }

  /// - Returns: whether the place is to be taken anew: it was lost, or others wait and the time is over.
  fileprivate func isOver(_ turn: Int) -> Bool {
    let now = now()
    return monitor.withLock { state in
      guard let place = state.places[turn] else { return true }
      state.places[turn]?.seen = now
      return !state.queue.isEmpty && now - place.since >= Limits.slice
    }
  }
}

/// One lane's right to compute. For one thread at a time.
public final class Turn: Sendable {
  private let workers: Workers?
  private let number: Int
  private let isWorking = Locked(false)

  fileprivate init(_ workers: Workers?, _ number: Int) { (self.workers, self.number) = (workers, number) }

  /// Never waits: for who works alone.
  public static func free() -> Turn { Turn(nil, 0) }

  /// Long work: waits for a place, and has it while `body` runs.
  public func working<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    guard let workers, !isWorking.withLock({ $0 }) else { return try body() }
    workers.take(number)
    isWorking.withLock { $0 = true }
    defer {
      isWorking.withLock { $0 = false }
      workers.giveBack(number)
    }
    return try body()
  }

  /// Within long work: waits for something that others do, while another lane has its place.
  public func aside<Result>(_ body: () -> Result) -> Result {
    guard let workers, isWorking.withLock({ $0 }) else { return body() }
    workers.giveBack(number)
    defer { workers.take(number) }
    return body()
  }

  /// Between two pieces of long work: lets those go first who wait, where its own time is over. Without effect elsewhere.
  public func breathe() {
    guard let workers, isWorking.withLock({ $0 }), workers.isOver(number) else { return }
    workers.giveBack(number)
    workers.take(number)
  }
}
