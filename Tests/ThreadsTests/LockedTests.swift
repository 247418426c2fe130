import Core
import Testing
import Threads

@Suite("A locked value")
struct LockedTests {
  @Test("loses no change, however many tasks make them")
  func counts() async {
    let count = Locked(0)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<10_000 { count.withLock { $0 += 1 } } }
      }
    }
    #expect(count.withLock { $0 } == 80_000)
  }

  @Test("is unlocked again when the body throws")
  func throwing() {
    struct Refused: Error {}
    let text = Locked("a")
    #expect(throws: Refused.self) {
      try text.withLock { (text) throws(Refused) in
        text = "b"
        throw Refused()
      }
    }
    #expect(text.withLock { $0 } == "b")
  }
}
