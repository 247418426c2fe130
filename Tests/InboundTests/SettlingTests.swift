import Core
import Files
import Testing

@testable import Inbound

@Suite("Settling")
struct SettlingTests {
  private func seen(_ size: UInt64, inode: UInt64 = 1, changed: Int64 = 1) -> Settling.Observation {
    Settling.Observation(DropPart(name: FileName("a"), landing: "/l", size: size, inode: inode, changed: changed))
  }
  private let a = FileName("a.csv")

  @Test("A file is at rest once it has not changed for the settle time, and not before")
  func rest() {
    var settling = Settling()
    #expect(settling.observe([a: seen(1)], at: .seconds(10), settle: .seconds(2)).isEmpty)
    #expect(settling.observe([a: seen(1)], at: .milliseconds(11_999), settle: .seconds(2)).isEmpty)
    #expect(settling.observe([a: seen(1)], at: .seconds(12), settle: .seconds(2)) == [a])
  }

  @Test("Size, inode and ctime each begin the wait anew", arguments: [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
  func change(size: UInt64, inode: UInt64, changed: Int64) {
    var settling = Settling()
    _ = settling.observe([a: seen(1)], at: .seconds(0), settle: .seconds(2))
    let new = seen(size, inode: inode, changed: changed)
    #expect(settling.observe([a: new], at: .seconds(2), settle: .seconds(2)).isEmpty)
    #expect(settling.next(settle: .seconds(2), after: .zero) == .seconds(4))
    #expect(settling.observe([a: new], at: .seconds(4), settle: .seconds(2)) == [a])
  }

  @Test("An open writer begins the wait anew")
  func writer() {
    var settling = Settling()
    _ = settling.observe([a: seen(1)], at: .seconds(0), settle: .seconds(2))
    settling.disturb(a, at: .seconds(5))
    #expect(settling.observe([a: seen(1)], at: .seconds(6), settle: .seconds(2)).isEmpty)
    #expect(settling.observe([a: seen(1)], at: .seconds(7), settle: .seconds(2)) == [a])
  }

  @Test("A file of which nobody can say who writes it rests for longer, from its last change on; others do not")
  func longer() {
    var settling = Settling()
    let b = FileName("b.csv")
    _ = settling.observe([a: seen(1), b: seen(1)], at: .zero, settle: .seconds(2))
    #expect(settling.observe([a: seen(1), b: seen(1)], at: .seconds(2), settle: .seconds(2)) == [a, b])
    #expect(settling.require(.seconds(30), of: a) == .seconds(30))
    #expect(settling.observe([a: seen(1), b: seen(1)], at: .seconds(29), settle: .seconds(2)) == [b])
    #expect(settling.next(settle: .seconds(2), after: .seconds(29)) == .seconds(30))
    // It has grown: the rest begins anew, and stays as long.
    #expect(settling.observe([a: seen(2), b: seen(1)], at: .seconds(29), settle: .seconds(2)) == [b])
    #expect(settling.observe([a: seen(2), b: seen(1)], at: .seconds(58), settle: .seconds(2)) == [b])
    #expect(settling.observe([a: seen(2), b: seen(1)], at: .seconds(59), settle: .seconds(2)) == [a, b])
    #expect(settling.require(.seconds(30), of: FileName("c")) == nil)
  }

  @Test("Only what lies in landing is remembered")
  func bounded() {
    var settling = Settling()
    let many = Dictionary(uniqueKeysWithValues: (0..<100).map { (FileName("f\($0)"), seen(1)) })
    _ = settling.observe(many, at: .zero, settle: .seconds(2))
    #expect(settling.count == 100)
    _ = settling.observe([a: seen(1)], at: .seconds(1), settle: .seconds(2))
    #expect(settling.count == 1)
    settling.forget(a)
    #expect(settling.count == 0 && settling.next(settle: .seconds(2), after: .zero) == nil)
  }

  @Test("People hear of a file that keeps coming once, and not at once")
  func report() {
    var settling = Settling()
    for second in 0..<120 {
      _ = settling.observe([a: seen(UInt64(second))], at: .seconds(second), settle: .seconds(2))
      let hears = settling.isWorthReporting(a, at: .seconds(second), patience: .seconds(60))
      #expect(hears == (second == 60))
    }
  }
}
