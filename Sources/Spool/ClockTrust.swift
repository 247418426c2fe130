public import Core
public import Files
public import Journal
public import SystemPackage
import Threads

/// Whether the machine's clock is believed where something is deleted for its age. One that has jumped ahead is not, before it has stayed
/// so for a day, or a person says that it is right: what looks old may have come this morning.
public final class ClockTrust: Sendable {
  /// `clock.json`.
  private struct Memory: Codable, Hashable, Sendable {
    var schema = 1
    /// When the clock was looked at last, as it was then.
    var at: Timestamp
    /// Since when it is doubted, by the clock as it is since then.
    var doubtedSince: Timestamp?
  }

  private struct State: Sendable {
    var memory: Memory?
    /// Uptime of the last look; nil: none in this life.
    var looked: Duration?
    var written: Duration?
  }

  /// How long it must stay as it is to be believed.
  public static let patience = Limits.clockPatience

  /// Believes whatever the clock says.
  public static let trusting = ClockTrust()

  private let path: FilePath?
  private let files: (any Files)?
  private let events: (any EventSink)?
  private let state: Locked<State>
  private let writing = Locked(())

  private init() { (path, files, events, state) = (nil, nil, nil, Locked(State())) }

  /// - Parameter lastKnown: where nothing was noted: when something last happened.
  public init(at path: FilePath, _ files: any Files, _ events: any EventSink, lastKnown: Timestamp?) {
    (self.path, self.files, self.events) = (path, files, events)
    let memory = (try? files.readPlan(Memory.self, at: path)) ?? lastKnown.map { Memory(at: $0, doubtedSince: nil) }
    state = Locked(State(memory: memory))
  }

  /// Looks at the clock. - Returns: whether something may be deleted for its age.
  public func mayExpire(at now: Moment) -> Bool {
    guard path != nil else { return true }
    let (memory, doubt) = state.withLock { state in
      let before = state.memory
      let doubt = Self.look(&state, now)
      let isDue = state.written.map { now.uptime - $0 >= Limits.clockWriting } ?? true
      guard isDue || before?.doubtedSince != state.memory?.doubtedSince else { return (nil as Memory?, doubt) }
      state.written = now.uptime
      return (state.memory, doubt)
    }
    if let memory { write(memory) }
    if let doubt { tell(doubt, now) }
    return state.withLock { $0.memory?.doubtedSince == nil }
  }

  /// - Returns: by how much it has jumped just now; nil: it has not.
  private static func look(_ state: inout State, _ now: Moment) -> Duration? {
    defer {
      state.looked = now.uptime
      state.memory?.at = now.wall
    }
    guard let memory = state.memory else {
      state.memory = Memory(at: now.wall, doubtedSince: nil)
      return nil
    }
    let gap = now.wall - memory.at
    // Between two lives nobody knows how much time has passed: a machine may well be off for a day.
    let passed = state.looked.map { now.uptime - $0 + Limits.clockTolerance } ?? patience
    if gap > passed {
      state.memory?.doubtedSince = now.wall
      return gap
    }
    guard let since = memory.doubtedSince else { return nil }
    // It was set back, or has stayed so for long enough. Two lanes may look a little out of turn.
    if since - now.wall > Limits.clockTolerance || now.wall - since >= patience { state.memory?.doubtedSince = nil }
    return nil
  }

  /// A person says that it is right. - Returns: false where nobody doubted it.
  @discardableResult public func believe() -> Bool {
    let memory = state.withLock { state -> Memory? in
      guard state.memory?.doubtedSince != nil else { return nil }
      state.memory?.doubtedSince = nil
      return state.memory
    }
    if let memory { write(memory) }
    return memory != nil
  }

  /// Since when it is doubted, as it was noted; nil: it is not.
  public static func doubtedSince(at path: FilePath, _ files: any Files) -> Timestamp? {
    (try? files.readPlan(Memory.self, at: path))?.doubtedSince
  }

  /// One at a time: two lanes may look at once.
  private func write(_ memory: Memory) {
    guard let path, let files else { return }
    writing.withLock { _ in Self.write(memory, to: path, files) }
  }

  private static func write(_ memory: Memory, to path: FilePath, _ files: any Files) {
    if (try? files.writePlan(memory, to: path)) != nil { try? files.sync([path, path.parent]) }
  }

  private func tell(_ jump: Duration, _ now: Moment) {
    let hours = jump.components.seconds / 3_600
    let ahead = hours < 48 ? counted(hours, "hour") : counted(hours / 24, "day")
    let until = (now.wall + Self.patience).iso()
    events?.record(
      .clockDoubted,
      "The clock is \(ahead) ahead of when the agent last looked at it. Nothing is deleted for its age before \(until); if it is right: navette resume --clock",
      [.reason: "\(jump.components.seconds) s"])
  }
}
