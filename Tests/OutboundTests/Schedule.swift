import Config
import Core
import Files
import Store
import SystemPackage
import TestKit
import Threads

@testable import Outbound

/// Who writes logs, or rotates them, and loses no record by it.
protocol LogKeeper: Bystander {
  /// The records of each log, in their order.
  var written: [[String]] { get }
  /// The machine went down, and its programs with it.
  mutating func goDown()
}

extension LogKeeper {
  mutating func goDown() {}
}

/// The records of one log, in their order.
struct Records: Sendable {
  /// Of the first one.
  var number = 1
  private(set) var all: [String] = []

  mutating func begin() -> String {
    let record = "\(100 + number + all.count),x"
    all.append(record)
    return record
  }
}

/// One run of the agent beside others, who act between any two calls of it. The same seed is the same run.
struct Schedule: Sendable {
  static let log = FilePath("/logs/a.csv")

  let seed: UInt64
  let rotation: StreamSettings.Rotation
  let logs: [String]
  /// The agent is killed, and power fails.
  var isDeadly = false
  /// What is written need not be on the disk when power fails.
  var isCareless = false
  /// - Parameter isForeign: nobody says who has a file open.
  let bystander: @Sendable (_ dice: inout SteadyNumbers, _ isForeign: Bool) -> any LogKeeper

  private struct Others {
    var bystander: any LogKeeper
    var dice: SteadyNumbers
    /// Of the store.
    var luck: SteadyNumbers
    var isLive = false
    /// Written before power was cut, and perhaps never on the disk.
    var doubtful: Set<String> = []
    /// Of these, what was there afterwards.
    var surviving: Set<String> = []
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
    let others = Locked(Others(bystander: bystander, dice: dice, luck: .thrown(seed &* 31 &+ 5)))
    let disk = ShakyFiles(files) { (call) throws(FileFault) in
      others.withLock { others in
        if others.isLive, others.dice.oneIn(pace) { others.bystander.act(on: files) }
      }
      if isShaky, others.withLock({ $0.isLive && $0.dice.oneIn(150) }) {
        throw FileFault(.io, "Cannot \(call)", at: "a shaky disk", why: "as the test asked")
      }
    }
    let storeGate = machine.points.storeGate
    let world = try World(
      disk, logs: logs, ledgerGate: machine.points.ledgerGate,
      storeGate: { (label) throws(StoreFault) in
        try storeGate(label)
        guard isShaky, others.withLock({ $0.isLive && $0.luck.oneIn(8) }) else { return }
        throw StoreFault(.unreachable, "Cannot answer", at: label, why: "as the test asked")
      },
      change: {
        $0.streams[0].rotation = rotation
        $0.streams[0].batch.maxRows = 3
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    others.withLock { $0.isLive = true }
    while others.withLock({ !$0.bystander.isOver }) {
      if dice.oneIn(6) { engine = restart(world, machine, others, &fate) }
      await settle(world, &engine, flush: dice.oneIn(2), passes: 1 + dice.below(3), every: .milliseconds(100))
      if dice.oneIn(3) { others.withLock { $0.bystander.act(on: files) } }
      if !machine.points.isAlive { engine = restart(world, machine, others, &fate) }
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
    // A record that the power tore waits for its writer; what comes later does not wait for it.
    let isOrdered = !isCareless && (rotation != .follow || !isForeign && !isShaky && !isDeadly && pace >= 40)
    return others.withLock { fault(world, $0, isOrdered: isOrdered) }
  }

  /// What failed is tried again by then, or when an operator asks for it.
  private func end(_ world: World, _ engine: inout StreamWorker) async throws {
    for _ in 0..<2 {
      try await world.settle(&engine, flush: true)
      world.wait(.seconds(3_600))
      _ = try engine.retry(nil, at: world.now)
    }
  }

  private func fault(_ world: World, _ others: Others, isOrdered: Bool) -> String? {
    // Of a header, too, the power may have left a part.
    let texts = world.store.keys.map { (try? gunzip(world.store.bytes(at: $0) ?? [])) ?? "" }
    if !isCareless, !texts.allSatisfy({ $0.hasPrefix("id,text\n") }) { return "an object without its header" }
    let sent = texts.flatMap { $0.split(separator: "\n").dropFirst().map(String.init) }
    let gaps = world.events.all(.sourceGap).map { $0.fields[.bytes] ?? "" }
    var fault: String?
    for log in others.bystander.written {
      let known = Set(log)
      let wanted = log.filter { !others.doubtful.contains($0) || others.surviving.contains($0) }
      var found = sent.filter { known.contains($0) }
      if Set(found).count < found.count { fault = "some twice" }
      // What was sent before it could be lost is none the worse for it.
      let isWanted = Set(wanted)
      found = found.filter { isWanted.contains($0) }
      if isOrdered ? found != wanted : Set(found) != isWanted { fault = "some missing, or out of order" }
    }
    if others.doubtful.isEmpty {
      if !gaps.isEmpty { fault = "gaps \(gaps)" }
      if fault == nil, sent.count != others.bystander.written.joined().count { fault = "what nobody wrote" }
    }
    return fault.map { "seed \(seed), \($0), sent \(sent.joined(separator: " ")): \(others.bystander)" }
  }

  private func restart(
    _ world: World, _ machine: SimMachine, _ others: Locked<Others>, _ fate: inout SteadyNumbers
  ) -> StreamWorker {
    if isDeadly, machine.restart(&fate, mostSteps: 400) {
      let texts = machine.files.files(below: "/logs").values.map { String(decoding: $0, as: UTF8.self) }
      let lines = Set(texts.joined(separator: "\n").split(separator: "\n").map(String.init))
      others.withLock { others in
        others.bystander.goDown()
        guard isCareless else { return }
        machine.files.setKnobs { $0.held = [] }
        others.doubtful.formUnion(others.bystander.written.joined())
        others.surviving.formUnion(others.doubtful.intersection(lines))
      }
    }
    return world.makeEngine()
  }

  /// A pass that fails is made again, as the lane does.
  private func settle(
    _ world: World, _ engine: inout StreamWorker, flush: Bool, passes: Int, every: Duration
  ) async {
    for _ in 0..<4 {
      do { return try await world.settle(&engine, flush: flush, passes: passes, every: every) } catch {
        world.wait(every)
      }
    }
  }
}
