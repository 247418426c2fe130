import Core

/// How the service stands, as its manager is told. Pure: what happens goes in, messages come out.
///
/// - Ready once every lane has finished a pass, and again at the end of each reload, a refused one too. Stores do not matter.
/// - The watchdog is fed only when every lane went on since it was fed last: a pass that ended, or one that is getting on.
/// - And only while no transfer stands still that can neither be moved nor ended: a restart is what helps then.
/// - A start, reload or stop may last longer for as long as a lane gets on with it.
public struct Standing: Sendable {
  public enum Phase: Sendable { case starting, running, reloading, stopping }

  public private(set) var phase = Phase.starting
  /// By name.
  private var lanes: [String: LaneStanding] = [:]
  private var said = ""
  /// Transfers that were left behind and have not ended since.
  private var stalled = 0
  /// A reload makes new lanes; what the old ones still do is no sign that the new ones work.
  private var generation = 0
  private var awaited = 1

  private struct LaneStanding {
    /// Signs of life, and how many there were at the last tick and when the watchdog was fed last.
    var signs: UInt64 = 0
    var ticked: UInt64 = 0
    var fed: UInt64 = 0
    var hasPassed = false

    mutating func tick() { ticked = signs }
    mutating func feed() { fed = signs }
  }

  public init() {}

  /// New lanes are made: at start, and in a reload.
  /// - Returns: what they are known by in `passed`.
  public mutating func begin(_ names: [String]) -> Int {
    generation += 1
    let before = lanes
    lanes = Dictionary(names.map { ($0, before[$0] ?? LaneStanding()) }, uniquingKeysWith: { a, _ in a })
    for name in names { lanes[name]?.hasPassed = false }
    return generation
  }

  public mutating func progressed(_ lane: String) { lanes[lane]?.signs &+= 1 }

  /// - Parameter status: how all of them stand now.
  public mutating func passed(_ lane: String, of generation: Int, _ status: String) -> [Notify.Message] {
    progressed(lane)
    guard generation == self.generation else { return [] }
    lanes[lane]?.hasPassed = true
    return settled(generation, status)
  }

  /// The same where there is no lane to wait for.
  public mutating func settled(_ generation: Int, _ status: String) -> [Notify.Message] {
    guard generation == self.generation, lanes.values.allSatisfy(\.hasPassed) else { return [] }
    switch phase {
    case .starting, .reloading:
      guard generation >= awaited else { return [] }
      phase = .running
      said = status
      return [.ready, .status(status)]
    case .running where status != said:
      said = status
      return [.status(status)]
    case .running, .stopping: return []
    }
  }

  /// - Parameter uptime: of the monotonic clock.
  public mutating func reload(at uptime: Duration) -> [Notify.Message] {
    // Before it is ready, the manager knows of a start that is not over; new lanes will end it.
    if phase == .starting { awaited = generation + 1 }
    guard phase == .running || phase == .reloading else { return [] }
    phase = .reloading
    awaited = generation + 1
    return [.reloading(at: uptime)]
  }

  /// The lanes that there are go on.
  public mutating func refuse() -> [Notify.Message] {
    if phase == .starting { awaited = max(1, generation) }
    guard phase == .reloading else { return [] }
    phase = .running
    return [.ready, .status("the new configuration was refused, the old one stays; " + said)]
  }

  public mutating func stop() -> [Notify.Message] {
    guard phase != .stopping else { return [] }
    phase = .stopping
    return [.stopping, .status("stopping: what is in hand is finished or parked")]
  }

  /// - Parameter count: transfers that were left behind and have not ended since.
  public mutating func stall(_ count: Int) -> [Notify.Message] {
    stalled = count
    let what = count == 1 ? "1 transfer stands still and does not end" : "\(count) transfers stand still and do not end"
    return count > 0 && phase == .running ? [.status("\(what); \(said)")] : []
  }

  /// To be called at least four times in the watchdog's time, and every few seconds while something is under way.
  /// - Returns: what to say, and which lanes to wake, so that idle ones show that they live.
  public mutating func tick(hasWatchdog: Bool) -> (messages: [Notify.Message], wake: [String]) {
    var messages: [Notify.Message] = []
    let isUnderWay = phase != .running
    let silent = lanes.filter { $0.value.signs == $0.value.ticked }.keys.sorted()
    for name in lanes.keys { lanes[name]?.tick() }
    if isUnderWay, silent.count < lanes.count { messages.append(.extend(Limits.taskExtra)) }
    let stale = lanes.values.count { $0.signs == $0.fed }
    // While lanes end or begin, one of them may have nothing to do.
    if hasWatchdog, stalled == 0, isUnderWay ? stale < lanes.count : stale == 0 {
      messages.append(.watchdog)
      for name in lanes.keys { lanes[name]?.feed() }
    }
    return (messages, silent)
  }
}
