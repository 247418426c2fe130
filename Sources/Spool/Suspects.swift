public import Core
public import Files
public import SystemPackage
import Threads

/// What the agent crashed on twice, and what it had in hand when it died otherwise: a crash that comes again at each start would end the
/// agent for good, a death from outside says nothing of what was in hand.
///
/// - Two crashes with the same item in the crashing thread's hands: it is set aside, until a person lets it go on (`forgive`).
/// - After a death without that mark (killed, power, watchdog, memory) nothing is set aside; what was in hand is worked on last, one at a time.
public final class Suspects: Sendable {
  public static let enoughCrashes = Limits.enoughCrashes

  private struct Memory: Codable, Sendable {
    var schema = 1
    /// Crashes before that time do not count, by item.
    var forgiven: [String: Timestamp] = [:]
  }

  private struct State: Sendable {
    var memory = Memory()
    var crashed: [Work] = []
    var inHand: [Work.Item: Work.Lane] = [:]
  }

  public static let none = Suspects()

  private let path: FilePath?
  private let files: (any Files)?
  private let state: Locked<State>

  private init() { (path, files, state) = (nil, nil, Locked(State())) }

  /// - Parameter path: of what people have forgiven; what cannot be read there forgives nothing.
  public init(_ past: InHandFile.Past, at path: FilePath, _ files: any Files) {
    (self.path, self.files) = (path, files)
    var state = State()
    state.memory = (try? files.readPlan(Memory.self, at: path)) ?? Memory()
    var counts: [Work.Item: (work: Work, count: Int)] = [:]
    // Sent by another process, a signal hit whom it hit.
    for end in past.ends where end.how == .crashed && end.sender == 0 {
      guard let work = end.works.first, work.item != .none else { continue }
      if let time = state.memory.forgiven[work.item.key], end.at <= time { continue }
      counts[work.item] = (counts[work.item]?.work ?? work, (counts[work.item]?.count ?? 0) + 1)
    }
    state.crashed = counts.values.filter { $0.count >= Self.enoughCrashes }.map(\.work)
      .sorted { $0.item.key < $1.item.key }
    if let last = past.last, !last.isClean {
      for work in past.inHand where work.item != .none { state.inHand[work.item] = work.lane }
    }
    let made = state
    self.state = Locked(made)
  }

  /// Items of the lane that are to be set aside.
  public func crashed(in lane: Work.Lane) -> [Work] { state.withLock { $0.crashed.filter { $0.lane == lane } } }

  public func isAside(_ item: Work.Item) -> Bool { state.withLock { $0.crashed.contains { $0.item == item } } }

  /// Whether it was in hand when the agent died.
  public func wasInHand(_ item: Work.Item) -> Bool { state.withLock { $0.inHand[item] != nil } }

  /// All that the lane had in hand then, and has not come through since.
  public func inHand(of lane: Work.Lane) -> Set<Work.Item> {
    state.withLock { Set($0.inHand.filter { $0.value == lane }.keys) }
  }

  /// They came through, or are gone: like all others from now on.
  public func acquit(_ items: Set<Work.Item>) {
    state.withLock { state in for item in items { state.inHand[item] = nil } }
  }

  /// It lies where nobody works on it, or a person lets it go on: what was before counts no more. - Returns: whether it was one of them.
  @discardableResult public func forgive(_ item: Work.Item, at now: Timestamp) -> Bool {
    let (wasOne, memory) = state.withLock { state in
      let before = state.crashed.count
      state.crashed.removeAll { $0.item == item }
      state.memory.forgiven[item.key] = now
      // Ends of long ago are forgotten, too.
      if state.memory.forgiven.count > Limits.forgivenKept,
        let oldest = state.memory.forgiven.min(by: { $0.value < $1.value })
      {
        state.memory.forgiven[oldest.key] = nil
      }
      return (state.crashed.count < before, state.memory)
    }
    guard let path, let files else { return wasOne }
    if (try? files.writePlan(memory, to: path)) != nil { try? files.sync([path, path.parent]) }
    return wasOne
  }

  /// By what `status` shows of it. - Returns: false where nothing of that name is set aside.
  public func forgive(named text: String, at now: Timestamp) -> Bool {
    let items = state.withLock { $0.crashed.map(\.item).filter { $0.text == text } }
    return items.reduce(false) { forgive($1, at: now) || $0 }
  }

  public func forgiveAll(at now: Timestamp) {
    for item in state.withLock({ $0.crashed.map(\.item) }) { forgive(item, at: now) }
  }
}

extension Work.Item {
  fileprivate var key: String {
    switch self {
    case .none: "none"
    case .drop: "drop \(text)"
    case .batch: "batch \(text)"
    case .file: "file \(text)"
    case .source: "log \(text)"
    case .object: "object \(text)"
    }
  }
}
