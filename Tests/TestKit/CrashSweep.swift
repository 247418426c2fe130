private import Glibc

/// Kills a program at every step it takes, and checks each time that its promise holds.
///
///     let sweep = CrashSweep(
///       "hand-over",
///       prepare: { machine in             // a fresh world: machine.files is an empty disk
///         try machine.files.put("/landing/a.csv", "1\n")
///         return try World(ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate)
///       },
///       life: { machine, world in         // one life of the program: start, work until quiet, return
///         var engine = try Engine(files: machine.files, ledger: world.openLedger(), …)
///         while try engine.pass() {}
///       },
///       check: { machine, world in        // throws where the promise is broken
///         guard machine.files.text(of: "/in/a.csv") == "1\n" else { throw Broken("a.csv is not there") }
///       })
///     let report = await sweep.run()
///     #expect(report.failures.isEmpty, "\(report)")
///     #expect(report.steps > 20)          // that the sweep reached something
///
/// For n = 0, 1, 2… a world is made from nothing, a life runs and dies at step n, and then once for a mere kill and once for each
/// outcome of a power cut: two undisturbed lives run, and `check` looks. The sweep ends with the n that no life reaches. With
/// `depth` 2 the next life is killed at each of its steps, too; there a power cut has one outcome: nothing unsynced survives.
///
/// Each run starts over, so nothing has to be copied; but the scenario must take the same steps each time: no clock, no random
/// numbers that decide anything, no tasks beside it. What a world keeps outside of `machine` survives every cut: the store and
/// the ledger are as durable as their gates say. Close in `life` what `life` opened: it is the process.
///
/// A fault thrown by a life that has been killed is expected; any other, and whatever `check` throws, is a failure.
public struct CrashSweep<World> {
  public typealias Life = (SimMachine, World) async throws -> Void

  let name: String
  let prepare: (SimMachine) async throws -> World
  let life: Life
  let check: Life

  /// Blows in a row.
  public var depth = 1
  /// Of the lives that follow a blow, each n-th step is struck, beginning elsewhere for each first blow: all lives together
  /// are struck at every step.
  public var stride = 1
  /// Only each n-th first blow is followed by another.
  public var followEach = 1
  public var cutsPower = true
  /// Every step is struck, and of the second blows and the outcomes of a power cut each n-th one, others at each step: all steps
  /// together see every kind. 1, which is what `make sweep` asks for, leaves none out.
  public var spread = usualSpread
  /// Outcomes tried per power cut.
  public var survivals = 256
  /// The sweep gives up after so many.
  public var failures = 10

  public init(
    _ name: String, prepare: @escaping (SimMachine) async throws -> World, life: @escaping Life, check: @escaping Life
  ) {
    (self.name, self.prepare, self.life, self.check) = (name, prepare, life, check)
  }

  public func run() async -> SweepReport {
    var report = SweepReport(name: name)
    _ = await attempt([], &report)
    if report.failures.isEmpty { await explore([], &report) }
    return report
  }

  /// Strikes every step of the life that follows these blows.
  private func explore(_ blows: [InjectedCrash], _ report: inout SweepReport) async {
    let pace = blows.isEmpty ? 1 : stride * spread
    var step = blows.last.map { $0.step % pace } ?? 0
    while report.failures.count < failures {
      let kill = blows + [InjectedCrash(step: step, outcome: nil)]
      guard let outcomes = await attempt(kill, &report) else { return }
      if blows.isEmpty { report.steps = step + 1 }
      defer { step += pace }
      if goesOn(kill) { await explore(kill, &report) }
      for outcome in 0..<(cutsPower ? outcomes : 0) where report.failures.count < failures {
        // The first is the harshest: nothing unsynced survives.
        guard outcome == 0 || (outcome + step).isMultiple(of: spread) else { continue }
        let cut = blows + [InjectedCrash(step: step, outcome: outcome)]
        _ = await attempt(cut, &report)
        if goesOn(cut) { await explore(cut, &report) }
      }
    }
  }

  private func goesOn(_ blows: [InjectedCrash]) -> Bool {
    blows.count < depth && (blows.count > 1 || blows[0].step.isMultiple(of: followEach))
  }

  /// One world, from its beginning to the check. The number of outcomes that a power cut instead of the last blow has; nil where the
  /// last blow was not reached.
  private func attempt(_ blows: [InjectedCrash], _ report: inout SweepReport) async -> Int? {
    // Nothing in a world ever waits, and tests with a clock to keep want the thread, too.
    await Task.yield()
    let machine = SimMachine()
    var story: [String] = []
    var outcomes = 0
    do {
      let world = try await prepare(machine)
      for (index, blow) in blows.enumerated() {
        machine.points.begin(killAt: blow.step)
        try await live(machine, world)
        guard let fatal = machine.points.fatal else { return nil }
        // Only the last blow's outcomes are asked for, and of a power cut those up to the one that is taken.
        let isLast = index == blows.count - 1
        let wanted = blow.outcome.map { $0 + 1 } ?? (isLast && cutsPower ? (index == 0 ? survivals : 1) : 0)
        let found = machine.files.snapshot.survivals(most: wanted)
        outcomes = found.count
        let survival = blow.outcome.map { found[$0] }
        story.append("killed at step \(blow.step) (\(fatal))" + (survival.map { " by a power cut; \($0)" } ?? ""))
        machine.files.reboot(powerCut: survival)
      }
      report.runs += 1
      for _ in 0..<2 {
        machine.points.begin()
        try await live(machine, world)
      }
      try await check(machine, world)
    } catch {
      let after = story.isEmpty ? "undisturbed" : story.joined(separator: "; then ")
      report.failures.append("\(name), \(after): \(error)")
    }
    return outcomes
  }

  private func live(_ machine: SimMachine, _ world: World) async throws {
    do {
      try await life(machine, world)
    } catch {
      if machine.points.isAlive { throw error }
    }
    _ = machine.points.step("the end of its life")
  }
}

private let usualSpread = getenv("NAVETTE_SWEEP").map { String(cString: $0) } == "whole" ? 1 : 5

/// The simulated host of a scenario.
public final class SimMachine: Sendable {
  public let points: CrashPoints
  public let files: SimFiles

  public init() {
    points = CrashPoints()
    files = SimFiles(points: points)
  }
}

public struct SweepReport: Sendable, CustomStringConvertible {
  public let name: String
  /// Worlds that were run to their check.
  public internal(set) var runs = 0
  /// Of the undisturbed life, its end included.
  public internal(set) var steps = 0
  public internal(set) var failures: [String] = []

  public var description: String {
    (["\(name): \(steps) steps, \(runs) runs, \(failures.count) failures"] + failures).joined(separator: "\n")
  }
}

struct InjectedCrash {
  var step: Int
  /// Of a power cut, by its position in `SimDisk.survivals`; nil: a mere kill.
  var outcome: Int?
}
