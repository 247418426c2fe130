import Glibc
import Testing
import Threads

@Suite("A thread knows what it works for")
struct SeatTests {
  @Test func aSeatIsTakenForAWhileAndByOneThread() async {
    #expect(Seat.current == .none)
    let others = await withCheckedContinuation { done in
      Seat(3).taken {
        #expect(Seat.current == Seat(3))
        Seat(4).taken { #expect(Seat.current == Seat(4)) }
        #expect(Seat.current == Seat(3))
        SerialThread("test-seat").run { done.resume(returning: Seat.current) }
      }
    }
    #expect(others == .none && Seat.current == .none)
  }

  @Test func aTaskTakesItsSeatWhereverItGoes() async {
    let ended = Locked(0)
    for number in 0..<50 {
      let seats: [Seat] = await Task(
        executorPreference: SeatExecutor(Seat(Int32(number))) { ended.withLock { $0 += 1 } }
      ) {
        var seats = [Seat.current]
        for _ in 0..<5 {
          await sleep(for: .milliseconds(1))
          seats.append(Seat.current)
        }
        return seats
      }.value
      #expect(seats == Array(repeating: Seat(Int32(number)), count: 6))
    }
    // What others do on these threads is nobody's.
    for _ in 0..<50 { #expect(await Task.onPool { Seat.current }.value == .none) }
    for _ in 0..<1_000 where ended.withLock({ $0 }) < 50 { await sleep(for: .milliseconds(5)) }
    #expect(ended.withLock { $0 } == 50)
  }

  @Test func nothingButACrashIsDeliveredToAThreadOfOurs() async {
    let open: [Int32] = await withCheckedContinuation { done in
      SerialThread("test-mask").run {
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        // 32 and 33 are the C library's own.
        done.resume(returning: (1..<32).filter { sigismember(&mask, $0) == 0 && $0 != SIGKILL && $0 != SIGSTOP })
      }
    }
    #expect(Set(open) == [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE])
  }
}
