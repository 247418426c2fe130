/// Somebody who works on files beside the program, one act at a time, so that a test can let each act fall between any two calls of it.
public protocol Bystander: Sendable, CustomStringConvertible {
  var isOver: Bool { get }
  /// Nothing more happens until it is woken.
  var isResting: Bool { get }
  mutating func wake()
  /// The next act, unless it rests.
  mutating func act(on files: SimFiles)
}

/// What somebody does, act by act, with rests between; and what is done already, for a report.
public struct Script<Act: Sendable>: Sendable, CustomStringConvertible {
  private enum Step: Sendable {
    case act(Act)
    case rest
  }

  private var steps: [Step] = []
  private var next = 0
  private var done: [Act] = []

  public init() {}

  public mutating func add(_ acts: Act...) { steps += acts.map { .act($0) } }
  public mutating func rest() { steps.append(.rest) }

  public var isOver: Bool { next == steps.count }
  public var isResting: Bool { upcoming == nil }
  private var upcoming: Act? {
    if !isOver, case .act(let act) = steps[next] { act } else { nil }
  }

  public mutating func wake() { if isResting, !isOver { next += 1 } }

  /// Nil while it rests.
  public mutating func take() -> Act? {
    guard let act = upcoming else { return nil }
    next += 1
    done.append(act)
    return act
  }

  /// It does not come to this any more.
  public mutating func leaveOut(_ isMeant: (Act) -> Bool) { if let act = upcoming, isMeant(act) { next += 1 } }

  public var description: String { done.map { "\($0)" }.joined(separator: "; ") }
}

/// Somebody who keeps to a script.
public protocol Scripted: Bystander {
  associatedtype Act: Sendable
  var script: Script<Act> { get set }
  /// What cannot be done is a mistake of the script, and is seen in what is missing.
  mutating func perform(_ act: Act, on files: SimFiles) throws
}

extension Scripted {
  public var isOver: Bool { script.isOver }
  public var isResting: Bool { script.isResting }
  public mutating func wake() { script.wake() }
  public mutating func act(on files: SimFiles) {
    if let act = script.take() { try? perform(act, on: files) }
  }
  public var description: String { script.description }
}

extension SimMachine {
  /// The next life: the one before may have ended by a power cut, and this one may end at a step of its own.
  /// - Returns: whether power was cut.
  @discardableResult
  public func restart(_ fate: inout SteadyNumbers, mostSteps: Int) -> Bool {
    var survival: Survival?
    if fate.oneIn(2) {
      let all = files.snapshot.survivals(most: 12, seed: fate.next())
      survival = all[fate.below(all.count)]
    }
    files.reboot(powerCut: survival, killAt: fate.oneIn(3) ? nil : fate.below(mostSteps))
    return survival != nil
  }
}
