import Config
import Core
import Files
import Inbound
import Ledger
import Spool
import Testing

@testable import FeedKit

@Suite("What no place holds any more is forgotten")
struct ForgettingTests {
  private let year: Duration = .seconds(401 * 86_400)

  @Test func afterItsTimeAndNotBefore() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.land("bad.csv", Sample.crooked)
    try rig.run()
    let (old, bad) = (try rig.drops(.archive)[0], try rig.drops(.quarantine)[0])
    try rig.land("b.csv", Sample.other)
    try rig.run()
    let last = try rig.drops(.archive)[1]
    rig.pass(.seconds(399 * 86_400))
    try rig.run(1)
    #expect(try rig.record(old) != nil && rig.record(bad) != nil)
    rig.pass(.seconds(2 * 86_400))
    // The data first, then the plan.
    try rig.run(1)
    rig.pass(.seconds(2 * 3_600))
    try rig.run(1)
    #expect(try rig.drops(.archive).isEmpty && rig.drops(.quarantine).isEmpty)
    #expect(try rig.record(old) == nil && rig.record(bad) == nil)
    #expect(try rig.record(last) != nil, "with which the next drop is compared")
    let (totals, history) = try rig.ledger.read { (t) throws(LedgerFault) in
      (try t.drops.totals(of: rig.settings.name), try t.history.lines(of: old))
    }
    #expect(totals.handedOver == 2 && history.isEmpty)
    try rig.land("again.csv", Sample.table)
    #expect(try rig.run().handedOver == 1)
  }

  @Test func whatWaitsForAPersonIsKnownForAsLongAsItWaits() throws {
    let rig = try Rig()
    for name in ["a", "b"] {
      try rig.land("\(name).csv", "id\n\(name)\n")
      try rig.run()
    }
    let waiting = try rig.drops(.archive)[0]
    try rig.files.move(rig.spool.path(.archive, waiting), to: rig.spool.path(.held, waiting))
    for _ in 0..<2 {
      rig.pass(year)
      try rig.run(1)
    }
    #expect(try rig.record(waiting) != nil)
  }

  @Test func inTurnsWhereMuchIsOld() throws {
    let rig = try Rig()
    let count = Limits.forgetPerSweep + Limits.forgetSlice + 1
    let feed = rig.settings.name
    try rig.ledger.transact("old") { (t) throws(LedgerFault) in
      for number in 0..<count {
        let seen = Timestamp(seconds: Int64(1_000_000 + number))
        let id = DropID(seen: seen, salt: 1)
        try t.drops.noteSeen(DropPlan(id: id, feed: feed, seenAt: seen, parts: []))
        try t.drops.noteHandedOver(id, at: seen)
      }
    }
    func left() throws -> Int { try rig.ledger.read { (t) throws(LedgerFault) in try t.drops.count() } }
    try rig.run(1)
    #expect(try left() == Limits.forgetSlice + 1)
    try rig.run(1)
    #expect(try left() == Limits.forgetSlice + 1, "not at each pass")
    rig.pass(.seconds(2 * 3_600))
    try rig.run(1)
    #expect(try left() == 1)
    #expect(try rig.ledger.read { (t) throws(LedgerFault) in try t.drops.totals(of: feed).handedOver } == count)
  }
}
