import Core
import Journal
import Testing
import Threads

@testable import Lanes

/// Remembers what kinds of events there were.
private final class Kinds: EventSink {
  private let kinds = Locked<[EventKind]>([])
  func record(_ event: Event) { kinds.withLock { $0.append(event.kind) } }
  var all: [EventKind] { kinds.withLock { $0 } }
}

/// A lane that does what a test says.
private actor ToyLane: Lane {
  nonisolated let runner: LaneRunner
  nonisolated var unownedExecutor: UnownedSerialExecutor { runner.executor.asUnownedSerialExecutor() }
  nonisolated let passes = Locked(0)
  nonisolated let fault = Locked<LedgerKind?>(nil)
  /// Its pass goes on until it must end.
  nonisolated let isEndless = Locked(false)
  nonisolated let wasBrokenOff = Locked(false)

  init(_ name: String, _ trouble: LedgerTrouble) { runner = LaneRunner(name, trouble: trouble) }

  func work() throws(LedgerFault) -> Duration {
    passes.withLock { $0 += 1 }
    if let kind = fault.withLock({ $0 }) { throw LedgerFault(kind, "Cannot use", at: "the ledger") }
    while isEndless.withLock({ $0 }), !runner.mustEnd() {}
    return .seconds(3_600)
  }

  func breakOff() { wasBrokenOff.withLock { $0 = true } }

  var answer: Int { 42 }
}

@Suite("The loop of every lane")
struct LaneRunnerTests {
  private let kinds = Kinds()

  private func eventually(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test("Each wake is a pass; a stop ends it, and what is under way", .timeLimit(.minutes(1)))
  func wakes() async throws {
    let lane = ToyLane("feed a", LedgerTrouble(kinds))
    let running = Task { try await lane.run() }
    for count in 1...5 {
      try await eventually { lane.passes.withLock { $0 } >= count }
      lane.wake()
    }
    lane.stop()
    try await running.value
    #expect(lane.wasBrokenOff.withLock { $0 })
  }

  @Test(
    "What people ask for comes before a pass without an end, and the pass is taken up again", .timeLimit(.minutes(1)))
  func ahead() async throws {
    let lane = ToyLane("feed a", LedgerTrouble(kinds))
    lane.isEndless.withLock { $0 = true }
    let running = Task { try await lane.run() }
    for _ in 0..<3 {
      let before = lane.passes.withLock { $0 }
      #expect(await lane.ahead { $0.answer } == 42)
      try await eventually { lane.passes.withLock { $0 } > before }
    }
    lane.stop()
    try await running.value
  }

  @Test("A ledger that cannot be used is said once for all lanes, and so is its end", .timeLimit(.minutes(1)))
  func trouble() async throws {
    let trouble = LedgerTrouble(kinds)
    let lanes = (0..<4).map { ToyLane("feed \($0)", trouble) }
    for lane in lanes { lane.fault.withLock { $0 = .busy } }
    let running = lanes.map { lane in Task { try await lane.run() } }
    try await eventually { lanes.allSatisfy { lane in lane.passes.withLock { $0 } > 0 } }
    for lane in lanes { lane.wake() }
    try await eventually { lanes.allSatisfy { lane in lane.passes.withLock { $0 } > 1 } }
    #expect(kinds.all == [.lanePaused])
    for lane in lanes {
      lane.fault.withLock { $0 = nil }
      lane.wake()
    }
    try await eventually { kinds.all == [.lanePaused, .laneResumed] }
    for lane in lanes { lane.stop() }
    for task in running { try await task.value }
  }

  @Test("What no time heals ends the lane", .timeLimit(.minutes(1)), arguments: [LedgerKind.damaged, .newer, .older])
  func lasting(_ kind: LedgerKind) async {
    let lane = ToyLane("feed a", LedgerTrouble(kinds))
    lane.fault.withLock { $0 = kind }
    await #expect(throws: LedgerFault.self) { try await lane.run() }
  }

  @Test("Lanes on one thread take turns", .timeLimit(.minutes(1)))
  func oneThread() async throws {
    let trouble = LedgerTrouble(kinds)
    let first = LaneRunner("feed a", trouble: trouble)
    let second = LaneRunner("pull a", on: first.executor, trouble: trouble)
    #expect(first.executor === second.executor)
  }
}
