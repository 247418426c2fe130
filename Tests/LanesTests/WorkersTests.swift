import Core
import Glibc
import Testing
import Threads

@testable import Lanes

@Suite("A few lanes compute at a time, and all have their turn")
struct WorkersTests {
  /// A thread of a test, which says when it is through.
  private func begin(_ work: @escaping @Sendable () -> Void) -> Task<Void, Never> {
    let thread = SerialThread("test")
    return Task {
      await withCheckedContinuation { end in
        thread.run {
          work()
          end.resume()
        }
      }
    }
  }

  /// - Throws: when the test's time is over.
  private func eventually(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test("Never more than there are places", .timeLimit(.minutes(5)), arguments: [1, 2, 4])
  func bounded(count: Int) async {
    let workers = Workers(count: count)
    let state = Locked((busy: 0, most: 0, done: 0))
    let tasks = (0..<8).map { _ in
      begin {
        let turn = workers.turn()
        for _ in 0..<50 {
          turn.working {
            state.withLock { state in
              state.busy += 1
              state.most = max(state.most, state.busy)
            }
            state.withLock { state in
              state.busy -= 1
              state.done += 1
            }
          }
        }
      }
    }
    for task in tasks { await task.value }
    let (busy, most, done) = state.withLock { $0 }
    #expect(busy == 0 && most <= count && done == 400)
  }

  @Test("Work without an end makes room for whoever waits, the longest first", .timeLimit(.minutes(5)))
  func endlessWork() async throws {
    let workers = Workers(count: 1)
    let isOver = Locked(false)
    defer { isOver.withLock { $0 = true } }
    let rounds = Locked([0, 0, 0])
    let endless = (0..<3).map { number in
      begin {
        let turn = workers.turn()
        turn.working {
          while !isOver.withLock({ $0 }) {
            rounds.withLock { $0[number] += 1 }
            turn.breathe()
          }
        }
      }
    }
    try await eventually { rounds.withLock { $0.allSatisfy { $0 > 0 } } }
    for _ in 0..<5 { await begin { workers.turn().working {} }.value }
    isOver.withLock { $0 = true }
    for task in endless { await task.value }
  }

  @Test(
    "A place whose lane is blocked is given to another, and the lane waits for one when it comes back",
    .timeLimit(.minutes(5)))
  func blockedLane() async throws {
    let uptime = Locked(Duration.seconds(100))
    let workers = Workers(count: 1, now: { uptime.withLock { $0 } })
    let (isBlocked, isIn, isFree) = (Locked(true), Locked(false), Locked(false))
    // Whatever comes of the test, its threads end.
    defer { isBlocked.withLock { $0 = false } }
    let blocked = begin {
      let turn = workers.turn()
      turn.working {
        isIn.withLock { $0 = true }
        while isBlocked.withLock({ $0 }) { usleep(1_000) }
        turn.breathe()
        isFree.withLock { $0 = true }
      }
    }
    try await eventually { isIn.withLock { $0 } }
    // Its place counts as lost once it has shown no sign for so long.
    uptime.withLock { $0 += Limits.lostWorker * 2 }
    let second = Locked(0)
    defer { second.withLock { $0 = 2 } }
    let other = begin {
      workers.turn().working {
        second.withLock { $0 = 1 }
        while second.withLock({ $0 }) == 1 { usleep(1_000) }
      }
    }
    try await eventually { second.withLock { $0 } == 1 }
    isBlocked.withLock { $0 = false }
    try await eventually { workers.waitingForTests == 1 }
    #expect(!isFree.withLock { $0 })
    second.withLock { $0 = 2 }
    await other.value
    await blocked.value
    #expect(isFree.withLock { $0 })
  }

  @Test("Work within work takes no second place") func nested() {
    let turn = Workers(count: 1).turn()
    #expect(turn.working { turn.working { 7 } } == 7)
  }
}

@Suite("Slots of a store are shared by its lanes")
struct StoreSlotsTests {
  private func store() throws -> StoreName { try #require(StoreName("aep")) }

  @Test func neverMoreThanItsConcurrency() throws {
    let (slots, store) = (StoreSlots([try store(): 2]), try store())
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
    #expect(slots.take(store, for: "b", at: .zero) {} == .taken)
    #expect(slots.take(store, for: "a", at: .zero) {} == .none)
    slots.giveBack(store, of: "b", at: .zero)
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
  }

  @Test func aStoreThatFailedLastHasOneAtATime() throws {
    let (slots, store) = (StoreSlots([try store(): 4]), try store())
    #expect(slots.take(store, for: "a", most: 1, at: .zero) {} == .taken)
    #expect(slots.take(store, for: "b", most: 1, at: .zero) {} == .none)
  }

  @Test func whoHasFewestGoesFirst() throws {
    let (slots, store) = (StoreSlots([try store(): 2]), try store())
    let woken = Locked(0)
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
    #expect(slots.take(store, for: "b", at: .zero) { woken.withLock { $0 += 1 } } == .none)
    slots.giveBack(store, of: "a", at: .seconds(1))
    #expect(woken.withLock { $0 } == 1)
    #expect(slots.take(store, for: "a", at: .seconds(1)) {} == .othersFirst)
    #expect(slots.take(store, for: "b", at: .seconds(1)) {} == .taken)
  }

  @Test func ofEqualsTheOneThatHasWaitedLongest() throws {
    let (slots, store) = (StoreSlots([try store(): 1]), try store())
    for round in 0..<6 {
      let (mine, other) = round % 2 == 0 ? ("a", "b") : ("b", "a")
      #expect(slots.take(store, for: mine, at: .zero) {} == .taken)
      #expect(slots.take(store, for: other, at: .zero) {} == .none)
      slots.giveBack(store, of: mine, at: .zero)
      #expect(slots.take(store, for: mine, at: .zero) {} == .othersFirst)
    }
  }

  @Test func aLaneThatDoesNotComeIsNotWaitedFor() throws {
    let (slots, store) = (StoreSlots([try store(): 1]), try store())
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
    #expect(slots.take(store, for: "b", at: .zero) {} == .none)
    slots.giveBack(store, of: "a", at: .seconds(1))
    #expect(slots.take(store, for: "a", at: .seconds(1)) {} == .othersFirst)
    #expect(slots.take(store, for: "a", at: .seconds(1) + StoreSlots.patience) {} == .taken)
  }

  @Test func itsTimeIsNotRenewedByEachSlotThatIsFree() throws {
    let (slots, store) = (StoreSlots([try store(): 1]), try store())
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
    #expect(slots.take(store, for: "b", at: .zero) {} == .none)
    slots.giveBack(store, of: "a", at: .seconds(1))
    for second in 3...6 {
      #expect(slots.take(store, for: "a", at: .seconds(second)) {} == .taken)
      slots.giveBack(store, of: "a", at: .seconds(second))
    }
  }

  @Test func whereMoreIsFreeThanOthersWantNobodyWaits() throws {
    let (slots, store) = (StoreSlots([try store(): 3]), try store())
    for _ in 0..<3 { #expect(slots.take(store, for: "a", at: .zero) {} == .taken) }
    #expect(slots.take(store, for: "b", at: .zero) {} == .none)
    slots.giveBack(store, of: "a", at: .zero)
    #expect(slots.take(store, for: "a", at: .zero) {} == .othersFirst)
    slots.giveBack(store, of: "a", at: .zero)
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
  }

  @Test func whoWantsNothingMoreIsNotWaitedFor() throws {
    let (slots, store) = (StoreSlots([try store(): 1]), try store())
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
    #expect(slots.take(store, for: "b", at: .zero) {} == .none)
    slots.giveBack(store, of: "a", at: .zero)
    slots.forget("b")
    #expect(slots.take(store, for: "a", at: .zero) {} == .taken)
  }
}
