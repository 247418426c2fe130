import Core
import Testing
import Threads

@Suite("Threads of our own")
struct ThreadsTests {
  @Test func aSerialThreadKeepsTheOrderAndEndsWithItsWork() async {
    let seen = Locked<[Int]>([])
    await withCheckedContinuation { done in
      let thread = SerialThread("test-serial")
      for number in 0..<1_000 { thread.run { seen.withLock { $0.append(number) } } }
      // The last reference goes before the work is done.
      thread.run { done.resume() }
    }
    #expect(seen.withLock { $0 } == Array(0..<1_000))
  }

  @Test func aLaneIsNeverEnteredTwiceAndKeepsItsThread() async {
    actor Lane {
      private let executor = LaneExecutor("test-lane")
      nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
      private var count = 0
      func add() async -> Int {
        let before = count
        await Task.yield()
        count += 1
        return before
      }
      var total: Int { count }
    }
    let lane = Lane()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<500 { group.addTask { _ = await lane.add() } }
    }
    #expect(await lane.total == 500)
  }

  @Test func thePoolRunsWhatIsStartedOnItAndItsChildren() async {
    let total = await Task.onPool {
      await withTaskGroup(of: Int.self) { group in
        for number in 1...1_000 {
          group.addTask {
            await Task.yield()
            return number
          }
        }
        return await group.reduce(0, +)
      }
    }.value
    #expect(total == 500_500)
  }

  @Test func alarmsRingInTheirOrderNeverEarly() async {
    let began = SystemClock.uptime()
    let rung = Locked<[(Int, Duration)]>([])
    for number in [30, 10, 20, 40, 10] {
      Timers.shared.schedule(after: .milliseconds(number)) {
        rung.withLock { $0.append((number, SystemClock.uptime() - began)) }
      }
    }
    while rung.withLock({ $0.count }) < 5 { await sleep(for: .milliseconds(5)) }
    let all = rung.withLock { $0 }
    #expect(all.map(\.0) == [10, 10, 20, 30, 40])
    #expect(all.allSatisfy { $0.1 >= .milliseconds($0.0) })
  }

  @Test func aCancelledAlarmStaysSilentAndLeavesNothingBehind() async {
    let rung = Locked(0)
    for _ in 0..<10_000 {
      let alarm = Timers.shared.schedule(after: .milliseconds(20)) { rung.withLock { $0 += 1 } }
      Timers.shared.cancel(alarm)
    }
    // Alarms ring in their order: this one after all of those.
    let waker = Waker()
    Timers.shared.schedule(after: .milliseconds(20)) { waker.wake() }
    #expect(await waker.wait(atMost: nil) == .woken)
    #expect(rung.withLock { $0 } == 0)
  }

  @Test func aRestEndsWithItsTask() async {
    // On our pool, as the runner's own threads may be busy for long.
    let took = await Task.onPool {
      let began = SystemClock.uptime()
      let begun = Waker()
      let sleeper = Task.onPool {
        begun.wake()
        await sleep(for: .seconds(60))
      }
      _ = await begun.wait(atMost: nil)
      sleeper.cancel()
      await sleeper.value
      return SystemClock.uptime() - began
    }.value
    #expect(took < .seconds(20))
  }

  @Test func aWakeThatComesFirstIsKeptAndManyAreOne() async {
    let waker = Waker()
    waker.wake()
    waker.wake()
    #expect(await waker.wait(atMost: nil) == .woken)
    #expect(await waker.wait(atMost: .milliseconds(10)) == .due)
    let begun = Waker()
    let waiting = Task.onPool {
      begun.wake()
      return await waker.wait(atMost: .seconds(60))
    }
    _ = await begun.wait(atMost: nil)
    waker.wake()
    #expect(await waiting.value == .woken)
  }
}
