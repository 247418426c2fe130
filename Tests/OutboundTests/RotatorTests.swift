import Config
import Core
import Files
import Glibc
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, any schedule of a logrotate")
struct RotatorTests {
  /// What one schedule came to.
  private struct Outcome {
    let seed: UInt64
    let rotator: Rotator
    let sent: [String]
    let gaps: [String]
    /// Calls of the agent for one act of the others.
    let pace: Int
    /// Nobody says who has a file open.
    let isForeign: Bool
    /// A call may fail.
    let isShaky: Bool

    /// Nil where it is as it should be.
    var fault: String? {
      let wanted = (1...rotator.records).map(Rotator.record)
      var sent = sent
      // Where files change hands between any two calls, or nobody says when a copy is complete, what was written last may be seen first.
      if isForeign || isShaky || pace < 40 { sent.sort() }
      guard sent != wanted || !gaps.isEmpty else { return nil }
      return "seed \(seed), gaps \(gaps), sent \(sent.joined(separator: " ")): \(rotator)"
    }
  }

  private func run(_ seed: UInt64) async throws -> Outcome {
    let files = SimMachine().files
    var dice = SteadyNumbers(value: seed &* 7919 &+ 1)
    for _ in 0..<8 { _ = dice.next() }
    let pace = [6, 15, 40][dice.below(3)]
    let (isForeign, isShaky) = (dice.oneIn(3), dice.oneIn(3))
    files.setKnobs { knobs in
      knobs.openForWriting = [Rotator.log]
      if isForeign { knobs.foreign = ["/logs"] }
    }
    try files.put(Rotator.log, "id,text\n")
    let others = Guarded((rotator: Rotator(seed: seed, rounds: 2 + dice.below(4)), dice: dice, isLive: false))
    let disk = ShakyFiles(files) { (call) throws(FileFault) in
      others.withLock { others in
        if others.isLive, others.dice.oneIn(pace) { others.rotator.act(on: files) }
      }
      if isShaky, others.withLock({ $0.isLive && $0.dice.oneIn(150) }) {
        throw FileFault(.io, "Cannot \(call)", at: "a shaky disk", why: "as the test asked")
      }
    }
    let world = try World(
      disk, logs: ["/logs/a.csv"],
      change: {
        $0.streams[0].rotation = .follow
        $0.streams[0].batch.maxRows = 3
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    others.withLock { $0.isLive = true }
    while others.withLock({ !$0.rotator.isOver }) {
      if dice.oneIn(6) { engine = world.makeEngine() }
      await settle(world, &engine, flush: dice.oneIn(2), passes: 1 + dice.below(3), every: .milliseconds(100))
      if dice.oneIn(3) { others.withLock { $0.rotator.act(on: files) } }
      guard others.withLock({ $0.rotator.isResting }) else { continue }
      await settle(world, &engine, flush: dice.oneIn(2), passes: 40, every: .seconds(20))
      others.withLock { $0.rotator.wake() }
    }
    others.withLock { $0.isLive = false }
    if dice.oneIn(2) { engine = world.makeEngine() }
    for _ in 0..<2 {
      try await world.settle(&engine, flush: true)
      // What failed is tried again by then, or when an operator asks for it.
      world.wait(.seconds(3_600))
      _ = try engine.retry(nil, at: world.now)
    }
    let sent = (try? world.sent()) ?? "an object without its header"
    return Outcome(
      seed: seed, rotator: others.withLock { $0.rotator }, sent: sent.split(separator: "\n").map(String.init),
      gaps: world.events.all(.sourceGap).map { $0.fields[.bytes] ?? "" }, pace: pace, isForeign: isForeign,
      isShaky: isShaky)
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

  /// Schedules that went wrong once, and others; with `NAVETTE_SWEEP=whole` many more.
  static var seeds: [UInt64] {
    let many: UInt64 = getenv("NAVETTE_SWEEP") == nil ? 100 : 3_000
    return [109, 118, 132, 146, 170, 182, 252, 278, 462, 577, 588, 697, 725, 807, 965] + Array(1...many)
  }

  // One case each: nothing in a schedule ever waits, and tests with a clock to keep want the thread, too.
  @Test(
    "Each record is sent once, and no gap is told, whatever others do between two calls of the agent; in order where they leave it time",
    arguments: seeds)
  func anySchedule(seed: UInt64) async throws {
    let fault = try await run(seed).fault
    #expect(fault == nil, "\(fault ?? "")")
  }
}
