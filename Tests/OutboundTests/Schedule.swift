import Config
import Core
import Files
import SystemPackage
import TestKit

@testable import Outbound

/// Who writes logs, or rotates them, and loses no record by it.
protocol LogKeeper: Bystander {
  /// Written so far: `Schedule.record(1)` to this one.
  var records: Int { get }
}

/// One run of the agent beside others, who act between any two calls of it. The same seed is the same run.
struct Schedule: Sendable {
  static let log = FilePath("/logs/a.csv")
  static func record(_ number: Int) -> String { "\(100 + number),x" }

  let seed: UInt64
  let rotation: StreamSettings.Rotation
  let logs: [String]
  /// The agent is killed, and power fails.
  var isDeadly = false
  /// - Parameter isForeign: nobody says who has a file open.
  let bystander: @Sendable (_ dice: inout SteadyNumbers, _ isForeign: Bool) -> any LogKeeper

  private struct Others {
    var bystander: any LogKeeper
    var dice: SteadyNumbers
    var isLive = false
  }

  /// What went wrong; nil where nothing did.
  func run() async throws -> String? {
    let machine = SimMachine()
    let files = machine.files
    var dice = SteadyNumbers.thrown(seed &* 7919 &+ 1)
    // Of its own: what else happens does not depend on it.
    var fate = SteadyNumbers.thrown(seed &* 104_729 &+ 7)
    // Calls of the agent for one act of the others.
    let pace = [6, 15, 40][dice.below(3)]
    let (isForeign, isShaky) = (dice.oneIn(3), dice.oneIn(3))
    files.setKnobs { knobs in
      if rotation == .follow { knobs.openForWriting = [Self.log] }
      if isForeign { knobs.foreign = ["/logs"] }
    }
    try files.outside { try $0.makeFolder("/state") }
    if rotation != .closed { try files.put(Self.log, "id,text\n") }
    let bystander = bystander(&dice, isForeign)
    let others = Guarded(Others(bystander: bystander, dice: dice))
    let disk = ShakyFiles(files) { (call) throws(FileFault) in
      others.withLock { others in
        if others.isLive, others.dice.oneIn(pace) { others.bystander.act(on: files) }
      }
      if isShaky, others.withLock({ $0.isLive && $0.dice.oneIn(150) }) {
        throw FileFault(.io, "Cannot \(call)", at: "a shaky disk", why: "as the test asked")
      }
    }
    let world = try World(
      disk, logs: logs, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate,
      change: {
        $0.streams[0].rotation = rotation
        $0.streams[0].batch.maxRows = 3
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    others.withLock { $0.isLive = true }
    while others.withLock({ !$0.bystander.isOver }) {
      if dice.oneIn(6) { engine = restart(world, machine, &fate) }
      await settle(world, &engine, flush: dice.oneIn(2), passes: 1 + dice.below(3), every: .milliseconds(100))
      if dice.oneIn(3) { others.withLock { $0.bystander.act(on: files) } }
      if !machine.points.isAlive { engine = restart(world, machine, &fate) }
      guard others.withLock({ $0.bystander.isResting }) else { continue }
      await settle(world, &engine, flush: dice.oneIn(2), passes: 40, every: .seconds(20))
      others.withLock { $0.bystander.wake() }
    }
    others.withLock { $0.isLive = false }
    if dice.oneIn(2) || isDeadly {
      files.reboot()
      engine = world.makeEngine()
    }
    try await end(world, &engine)
    // Where files change hands between any two calls, or nobody says when a copy is complete, what was written last may be seen first.
    let isOrdered = rotation != .follow || !isForeign && !isShaky && !isDeadly && pace >= 40
    return fault(world, others.withLock { $0.bystander }, isOrdered: isOrdered)
  }

  /// What failed is tried again by then, or when an operator asks for it.
  private func end(_ world: World, _ engine: inout OutboundEngine) async throws {
    for _ in 0..<2 {
      try await world.settle(&engine, flush: true)
      world.wait(.seconds(3_600))
      _ = try engine.retry(nil, at: world.now)
    }
  }

  private func fault(_ world: World, _ bystander: any LogKeeper, isOrdered: Bool) -> String? {
    let wanted = (1...bystander.records).map(Self.record)
    let text = (try? world.sent()) ?? "an object without its header"
    var sent = text.split(separator: "\n").map(String.init)
    if !isOrdered { sent.sort() }
    let gaps = world.events.all(.sourceGap).map { $0.fields[.bytes] ?? "" }
    guard sent != wanted || !gaps.isEmpty else { return nil }
    return "seed \(seed), gaps \(gaps), sent \(sent.joined(separator: " ")): \(bystander)"
  }

  private func restart(_ world: World, _ machine: SimMachine, _ fate: inout SteadyNumbers) -> OutboundEngine {
    if isDeadly { machine.restart(&fate, mostSteps: 400) }
    return world.makeEngine()
  }

  /// A pass that fails is made again, as the lane does.
  private func settle(
    _ world: World, _ engine: inout OutboundEngine, flush: Bool, passes: Int, every: Duration
  ) async {
    for _ in 0..<4 {
      do { return try await world.settle(&engine, flush: flush, passes: passes, every: every) } catch {
        world.wait(every)
      }
    }
  }
}
