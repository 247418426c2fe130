import Core
import Testing

@testable import Ledger

@Suite("What stores have to do, and since when they have done nothing")
struct BacklogTests {
  private let stream: StreamName
  private let store: StoreName
  private let ledger: Ledger

  init() throws {
    stream = try #require(StreamName("opens"))
    store = try #require(StoreName("aep"))
    ledger = try Ledger(path: nil)
  }

  private func seal(_ number: Int, at seconds: Int64) throws -> BatchID {
    let id = BatchID(stream: stream, sequence: number)
    let digest = Digest(repeatElement(0, count: 32))
    let plan = BatchPlan(
      id: id, host: "acc", key: "opens/\(number).csv.gz", stores: [store], header: digest, segments: [], rows: 1,
      bytes: 1, compressedBytes: 1,
      sha256: digest,
      md5: "", sealedAt: Timestamp(seconds: seconds))
    try ledger.transact("seal", BatchTable.note(_:due:), plan, plan.sealedAt)
    return id
  }

  private func backlog(at seconds: Int64) throws -> StoreBacklog? {
    let now = Timestamp(seconds: seconds)
    return try ledger.read(DeliveryTable.backlogs(of:at:), [stream], now)[store]
  }

  @Test func nothingIsDueWhereNothingWaits() throws { #expect(try backlog(at: 1_000) == nil) }

  @Test func sinceTheOldestIsDueOrTheLastWasConfirmed() throws {
    let first = try seal(1, at: 100)
    _ = try seal(2, at: 110)
    #expect(try backlog(at: 500) == StoreBacklog(due: 2, nothingConfirmedSince: Timestamp(seconds: 100)))
    try ledger.transact("confirm") { (t) throws(LedgerFault) in
      try t.deliveries.noteConfirmed(first, store, at: Timestamp(seconds: 400), ReceiptRecord())
    }
    #expect(try backlog(at: 500) == StoreBacklog(due: 1, nothingConfirmedSince: Timestamp(seconds: 400)))
  }

  @Test func whatIsPutOffIsNotDueUntilTheStoreTakesSomething() throws {
    let batch = try seal(1, at: 100)
    try ledger.transact("attempt") { (t) throws(LedgerFault) in
      try t.deliveries.noteAttempt(batch, store, next: Timestamp(seconds: 900), fault: "away")
    }
    #expect(try backlog(at: 500) == nil)
    try ledger.transact("due", DeliveryTable.makeDue(_:at:), store, Timestamp(seconds: 500))
    #expect(try backlog(at: 500)?.due == 1)
  }

  @Test func aPausedStreamAsksNothingOfItsStore() throws {
    _ = try seal(1, at: 100)
    let none = try ledger.read(DeliveryTable.backlogs(of:at:), [], Timestamp(seconds: 500))
    #expect(none.isEmpty)
  }
}
