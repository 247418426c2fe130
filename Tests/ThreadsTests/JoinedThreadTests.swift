import Glibc
import Testing
import Threads

@Suite("A thread that is joined")
struct JoinedThreadTests {
  @Test("Its end is waited for, and a second join waits for nobody", .timeLimit(.minutes(1)))
  func twice() throws {
    let ended = Locked(0)
    for _ in 0..<20 {
      let thread = try #require(JoinedThread("first") { ended.withLock { $0 += 1 } })
      thread.join()
      // It may have the memory, and so the number, of the one that is gone.
      let isOver = Locked(false)
      let other = try #require(JoinedThread("second") { while !isOver.withLock({ $0 }) { usleep(1_000) } })
      thread.join()
      isOver.withLock { $0 = true }
      other.join()
    }
    #expect(ended.withLock { $0 } == 20)
  }
}
