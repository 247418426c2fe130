import Core
import Testing

@testable import Ledger

@Suite("What is old leaves the ledger, and nothing that is asked for")
struct ForgettingTests {
  private let feed: FeedName
  private let stream: StreamName
  private let store: StoreName
  private let ledger: Ledger

  init() throws {
    feed = try #require(FeedName("in"))
    stream = try #require(StreamName("opens"))
    store = try #require(StoreName("aep"))
    ledger = try Ledger(path: nil)
  }

  // MARK: - Drops

  private func drop(_ number: Int) -> DropID { DropID(seen: Timestamp(seconds: Int64(number)), salt: 1) }

  private func handOver(_ numbers: some Sequence<Int>) throws {
    try ledger.transact("drops") { (t) throws(LedgerFault) in
      for number in numbers {
        let (id, at) = (drop(number), Timestamp(seconds: Int64(number)))
        try t.drops.noteSeen(DropPlan(id: id, feed: feed, seenAt: at, parts: []))
        try t.history.note(id, "drop_seen", "", at: at)
        try t.drops.noteOutcome(id, .accepted, content: nil, rows: 3, at: at)
        try t.drops.noteHandedOver(id, at: at)
        try t.history.note(id, "drop_handed_over", "", at: at)
      }
    }
  }

  /// As a sweep does it. - Returns: how many went at each turn.
  private func forget(
    before second: Int, slice: Int = 100, unless keeps: (DropID) -> Bool = { _ in false }
  ) throws -> [Int] {
    var (counts, last): ([Int], Forgettable<DropID>?) = ([], nil)
    while true {
      let (after, before) = (last, Timestamp(seconds: Int64(second)))
      let page = try ledger.read { (t) throws(LedgerFault) in
        try t.drops.forgettable(feed, before: before, after: after, limit: slice)
      }
      guard let end = page.last else { return counts }
      last = end
      let gone = page.map(\.id).filter { !keeps($0) }
      try ledger.transact("forget") { (t) throws(LedgerFault) in for id in gone { try t.drops.forget(id) } }
      counts.append(gone.count)
    }
  }

  private func count(_ table: String) throws -> Int {
    try ledger.read { (t) throws(LedgerFault) in
      var count = 0
      try t.connection.rows("SELECT count(*) FROM \(table)") { count = $0.int(0) }
      return count
    }
  }

  @Test func oldDropsGoInSlicesAndTheTotalsStay() throws {
    try handOver(1...1_000)
    let before = try ledger.read(TotalTable.all)
    #expect(try forget(before: 801, slice: 300) == [300, 300, 200])
    #expect(try count("drops") == 200 && count("history") == 400)
    let (after, totals) = try ledger.read { (t) throws(LedgerFault) in
      (try t.totals.all(), try t.drops.totals(of: feed))
    }
    #expect(after == before && after.feeds[feed]?.rows == 3_000)
    #expect(totals == FeedTotals(handedOver: 1_000, lastHandedOver: Timestamp(seconds: 1_000)))
  }

  @Test func whatAPlaceHoldsStaysAndStopsNothingBehindIt() throws {
    try handOver(1...500)
    #expect(try forget(before: 400, slice: 100) { $0 <= drop(150) } == [0, 50, 100, 99])
    #expect(
      try ledger.read { (t) throws(LedgerFault) in try t.drops.list(since: nil, limit: .max).map(\.id) }.first
        == drop(1))
  }

  @Test func theDropWithWhichTheNextIsComparedStays() throws {
    try handOver(1...3)
    _ = try forget(before: 1_000)
    #expect(try ledger.read { (t) throws(LedgerFault) in try t.drops.list().map(\.id) } == [drop(3)])
    #expect(try ledger.read(DropTable.baseline(of:), feed)?.rows == 3)
  }

  @Test func aDropWhoseObjectIsStillToBeDeletedStays() throws {
    try handOver(1...3)
    let origin = DropPart.Origin(store: store, key: "a", size: 1, tag: "x", modified: nil)
    try ledger.transact("pulled") { (t) throws(LedgerFault) in
      try t.pulls.note(
        PulledRecord(
          origin, path: "a", state: .landed, at: Timestamp(seconds: 1), listedAt: Timestamp(seconds: 1), drop: drop(1)),
        feed)
    }
    _ = try forget(before: 1_000)
    #expect(try ledger.read { (t) throws(LedgerFault) in try t.drops.list().map(\.id) } == [drop(1), drop(3)])
  }

  @Test func whatWasFetchedFromAStoreThatIsNoLongerAskedGoes() throws {
    let names = ["a", "aep", "z"].compactMap { StoreName($0) }
    try ledger.transact("pulled") { (t) throws(LedgerFault) in
      for (name, second) in names.flatMap({ name in [1, 9].map { (name, $0) } }) {
        let origin = DropPart.Origin(store: name, key: "k\(second)", size: 1, tag: nil, modified: nil)
        let at = Timestamp(seconds: Int64(second))
        try t.pulls.note(PulledRecord(origin, path: "a", state: .done, at: at, listedAt: at), feed)
      }
    }
    try forgetPulled(except: store, before: 5, limit: 10)
    let left = try ledger.read(PullTable.list(_:in:), feed, .done)
    #expect(left.map { "\($0.source.store) \($0.source.key)" } == ["a k9", "aep k1", "aep k9", "z k9"])
    try forgetPulled(except: nil, before: 50, limit: 3)
    #expect(try count("pulled") == 1)
  }

  private func forgetPulled(except store: StoreName?, before second: Int64, limit: Int) throws {
    try ledger.transact("forget") { (t) throws(LedgerFault) in
      let old = try t.pulls.forgettable(feed, except: store, listedBefore: Timestamp(seconds: second), limit: limit)
      for one in old { try t.pulls.forget(feed, one.store, key: one.key) }
    }
  }

  // MARK: - Batches

  private func batch(_ number: Int) -> BatchID { BatchID(stream: stream, sequence: number) }

  private func seal(_ numbers: some Sequence<Int>, delivered: Bool = true, source: SourceRecord? = nil) throws {
    let digest = Digest(repeatElement(0, count: 32))
    try ledger.transact("batches") { (t) throws(LedgerFault) in
      if let source { try t.sources.note(source) }
      for number in numbers {
        let at = Timestamp(seconds: Int64(number))
        let segments = source.map {
          [Segment(source: $0.id, path: "/a", identity: $0.identity, from: UInt64(number), to: UInt64(number) + 1)]
        }
        let plan = BatchPlan(
          id: batch(number), host: "acc", key: "opens/\(number).csv.gz", stores: [store], header: digest,
          segments: segments ?? [], rows: 2, bytes: 20, compressedBytes: 10, sha256: digest, md5: "", sealedAt: at)
        try t.batches.note(plan, due: at)
        try t.history.note(plan.id, "batch_sealed", "", at: at)
        guard delivered else { continue }
        try t.deliveries.noteConfirmed(plan.id, store, at: at, ReceiptRecord())
        try t.deliveries.noteDelivered(plan.id, at: at)
        try t.history.note(plan.id, "batch_confirmed", "", at: at)
      }
    }
  }

  private func forgetBatches(before second: Int, slice: Int = 100, unless keeps: (BatchID) -> Bool = { _ in false })
    throws
  {
    var last: Forgettable<BatchID>?
    while true {
      let (after, before) = (last, Timestamp(seconds: Int64(second)))
      let page = try ledger.read { (t) throws(LedgerFault) in
        try t.batches.forgettable(stream, before: before, after: after, limit: slice)
      }
      guard let end = page.last else { return }
      last = end
      let gone = page.map(\.id).filter { !keeps($0) }
      try ledger.transact("forget") { (t) throws(LedgerFault) in for id in gone { try t.batches.forget(id) } }
    }
  }

  private var left: [Int] {
    get throws { try ledger.read { (t) throws(LedgerFault) in try t.batches.list().map(\.id.sequence) } }
  }

  @Test func oldBatchesGoAndTheirNumbersStayKnown() throws {
    try seal(1...250)
    let before = try ledger.read { (t) throws(LedgerFault) in (try t.totals.all(), try t.batches.totals(of: stream)) }
    try forgetBatches(before: 201)
    #expect(try left == Array(201...250))
    #expect(try count("deliveries") == 50 && count("history") == 100)
    #expect(try count("forgotten") == 1, "one range")
    let after = try ledger.read { (t) throws(LedgerFault) in (try t.totals.all(), try t.batches.totals(of: stream)) }
    #expect(after.0 == before.0 && after.1 == before.1 && after.1.confirmed == 250)
    let (known, next) = try ledger.read { (t) throws(LedgerFault) in
      (
        try [1, 200, 201, 250, 251].map { n throws(LedgerFault) in try t.batches.knows(batch(n)) },
        try t.batches.lastSequence(of: stream)
      )
    }
    #expect(known == [true, true, true, true, false])
    #expect(next == 250)
  }

  @Test func ofNumbersThatAreKeptInBetweenTheRangesKnowNothing() throws {
    try seal(1...9)
    try forgetBatches(before: 9) { [3, 5].contains($0.sequence) }
    #expect(try left == [3, 5, 9] && count("forgotten") == 3)
    let forgotten = try ledger.read { (t) throws(LedgerFault) in
      try (1...9).map { n throws(LedgerFault) in try t.batches.hasForgotten(batch(n)) }
    }
    #expect(forgotten == [true, true, false, true, false, true, true, true, false])
    try forgetBatches(before: 9) { $0.sequence == 3 }
    #expect(try count("forgotten") == 2, "4 to 8 are one range again")
  }

  @Test func theLastNumberStays() throws {
    try seal(1...3)
    try forgetBatches(before: 1_000)
    #expect(try left == [3])
    #expect(try ledger.read(BatchTable.lastSequence(of:), stream) == 3)
  }

  @Test func whatIsToBeSentStaysAndWhatAStoreConfirmedLast() throws {
    try seal([1, 2])
    try seal([3, 4], delivered: false)
    try forgetBatches(before: 1_000)
    #expect(try left == [2, 3, 4])
    #expect(try ledger.read(BatchTable.lastConfirmed(of:by:), stream, store)?.id == batch(2))
  }

  @Test func aBatchIsForgottenBeforeTheLogsThatItIsOf() throws {
    let identity = SourceIdentity(
      device: 1, inode: 1, birth: 5, headBytes: 0, head: Digest(repeatElement(0, count: 32)))
    func source(_ number: UInt8, _ header: [UInt8]?) -> SourceRecord {
      var record = SourceRecord(
        id: SourceID(Digest(repeatElement(number, count: 32))), stream: stream, path: "/\(number)", identity: identity,
        seenAt: Timestamp(seconds: Int64(number)))
      record.header = header
      return record
    }
    let (old, copy, headed, told) = (source(1, [1]), source(2, nil), source(3, [1]), source(4, nil))
    var heir = copy
    heir.origin = old.id
    try seal([1], source: old)
    try seal([2])
    try ledger.transact("gone") { (t) throws(LedgerFault) in
      for record in [heir, headed, told] { try t.sources.note(record) }
      for id in [old, copy, headed, told].map(\.id) { try t.sources.noteGone(id, at: Timestamp(seconds: 9)) }
    }
    func forget() throws -> Int {
      try ledger.transact("sources") { (t) throws(LedgerFault) in
        let old = try t.sources.forgettable(
          of: stream, goneBefore: Timestamp(seconds: 10), except: [told.id], limit: 10)
        for id in old { try t.sources.forget(id) }
        return old.count
      }
    }
    #expect(try forget() == 1, "the copy; its origin has a batch")
    #expect(try forget() == 0)
    try forgetBatches(before: 10)
    #expect(try forget() == 1)
    let left = try ledger.read { (t) throws(LedgerFault) in
      (try [old, copy, headed, told].map { s throws(LedgerFault) in try t.sources.knows(s.id) })
    }
    #expect(left == [false, false, true, true])
  }

  // MARK: - Numbers

  @Test func numbersAreComparedAsNumbers() throws {
    try seal([999_998, 999_999, 1_000_000, 1_000_001])
    #expect(try left == [999_998, 999_999, 1_000_000, 1_000_001])
    let (last, pages) = try ledger.read { (t) throws(LedgerFault) in
      (
        try t.batches.lastSequence(of: stream),
        try t.batches.confirmed(of: stream, by: store, since: nil, after: batch(999_999), limit: 9).map(
          \.batch.id.sequence)
      )
    }
    #expect(last == 1_000_001 && pages == [1_000_000, 1_000_001])
    #expect(
      try ledger.read { (t) throws(LedgerFault) in try t.batches.list(limit: 1).map(\.id.sequence) } == [1_000_001])
    try forgetBatches(before: 1_000_001)
    #expect(try left == [1_000_001])
    #expect(try ledger.read(BatchTable.hasForgotten(_:), batch(1_000_000)))
  }
}
