import Config
import Core
import Files
import Lanes
import TestKit
import Testing
import Threads

@testable import FeedKit
@testable import Inbound

@Suite("A GnuPG that hangs costs its own feed, and not each pass")
struct HungDecrypterTests {
  private final class Hung: Decrypter {
    let opened = Locked(0)
    let fault = FileFault(.hung, "Cannot decrypt with", at: "gpg", why: "it hangs")

    func sweep() {}
    func open(_ settings: FeedSettings.Decrypt, of feed: FeedName, _ turn: Turn) throws(FileFault) -> any KeyRing {
      opened.withLock { $0 += 1 }
      throw fault
    }
  }

  @Test("It is tried once for all parts, then later and later; what needs no key goes on, and a success forgets it")
  func rests() throws {
    let hung = Hung()
    let feed = try #require(FeedName("a"))
    let clock = Locked(Duration.zero)
    let keys = KeyRingCache(hung, now: { clock.withLock { $0 } })
    let settings = FeedSettings.Decrypt(key: Secret("x"))
    var tried: [Duration] = []
    for second in 0..<7_200 {
      clock.withLock { $0 = .seconds(second) }
      let before = hung.opened.withLock { $0 }
      #expect(throws: FileFault.self) { try keys.using(feed, settings, .free()) { _ in } }
      if hung.opened.withLock({ $0 }) > before { tried.append(.seconds(second)) }
    }
    #expect(tried == [0, 120, 360, 840, 1_800, 3_600, 5_400].map { .seconds($0) })
  }

  @Test("A program that neither reads nor writes is ended, and told as that")
  func program() throws {
    let process = GnuPGProcess(program: "sleep", arguments: ["1000"], environment: ["PATH=/usr/bin:/bin"], looks: 1)
    do throws(FileFault) {
      _ = try process.run(from: { _ in 0 }, to: { (_) throws(FileFault) in true })
      Issue.record("it did not hang")
    } catch {
      #expect(error.kind == .hung)
    }
  }

  @Test("While it is waited for, another lane has its place")
  func place() async throws {
    let workers = Workers(count: 1)
    let (one, other) = (workers.turn(), workers.turn())
    let wasIn = Locked(false)
    one.working {
      one.aside {
        other.working { wasIn.withLock { $0 = true } }
      }
    }
    #expect(wasIn.withLock { $0 })
  }

  @Test("Other drops of the feed go their way in the same pass")
  func others() throws {
    let hung = Hung()
    let rig = try Rig { $0.decrypt = FeedSettings.Decrypt(key: Secret("x")) }
    rig.engine = FeedWorker(
      rig.settings, state: rig.state, files: rig.files, ledger: rig.ledger, events: rig.events,
      salt: { Rig.salts.next() }, decrypter: hung)
    for name in ["a", "b", "c"] { try rig.land("\(name).csv.asc", ToyDecrypter.sealed(Sample.table + name + ",x\n")) }
    try rig.land("plain.csv", Sample.table)
    #expect(try rig.run().handedOver == 1)
    for _ in 0..<5 { try rig.run() }
    #expect((hung.opened.withLock { $0 }) == 1 && rig.events.count(.dropWaiting) == 3)
  }
}
