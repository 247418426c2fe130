import Core
import Files
import SystemPackage
import TestKit
import Testing

@testable import Ledger

@Suite("Ledger")
struct LedgerTests {
  private let stream: StreamName

  init() throws { stream = try #require(StreamName("opens")) }

  private func source(_ cursor: UInt64) -> SourceRecord {
    let identity = SourceIdentity(
      device: 1, inode: .max, birth: 5, headBytes: 0, head: Digest(repeatElement(0, count: 32)))
    return SourceRecord(
      id: SourceID(Digest(repeatElement(1, count: 32))), stream: stream, path: "/a", identity: identity,
      seenAt: Timestamp(seconds: 1), cursor: cursor, cursorAt: Timestamp(seconds: 2))
  }

  @Test("The journal is WAL and every commit is synced")
  func durability() throws {
    let folder = try TemporaryFolder()
    let ledger = try Ledger(path: folder.path.appending("l.sqlite"))
    #expect(try ledger.pragma("journal_mode") == "wal")
    #expect(try ledger.pragma("synchronous") == "2")
  }

  @Test("A cursor only moves forward")
  func forward() throws {
    let ledger = try Ledger(path: nil)
    try ledger.transact("a") { (t) throws(LedgerFault) in try t.note(source(100)) }
    try ledger.transact("b") { (t) throws(LedgerFault) in try t.note(source(40)) }
    let known = try ledger.read { (t) throws(LedgerFault) in try t.sources(of: stream) }
    #expect(known.map(\.cursor) == [100])
    #expect(known.map(\.identity.inode) == [.max])
  }

  @Test("What fails inside a transaction leaves nothing behind")
  func atomic() throws {
    let ledger = try Ledger(path: nil)
    #expect(throws: LedgerFault.self) {
      try ledger.transact("a") { (t) throws(LedgerFault) in
        try t.note(source(100))
        throw LedgerFault(.io, "A fault", at: "here")
      }
    }
    #expect(try ledger.read { (t) throws(LedgerFault) in try t.sources(of: stream) }.isEmpty)
  }

  @Test("A file that is no ledger is damaged, one of a later version is newer: neither is touched")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let files = LinuxFiles()
    let path = folder.path.appending("l.sqlite")
    let garbage = (0..<8_192).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    try files.write(garbage, to: path)
    let damaged = #expect(throws: LedgerFault.self) { _ = try Ledger(path: path) }
    #expect(damaged?.kind == .damaged)
    #expect(try files.contents(of: path, limit: 1 << 20) == garbage)

    let newer = folder.path.appending("n.sqlite")
    let connection = try Connection(path: newer.string, writing: true)
    try connection.run("PRAGMA user_version = 99")
    let fault = #expect(throws: LedgerFault.self) { _ = try Ledger(path: newer) }
    #expect(fault?.kind == .newer)
  }

  @Test("Opened to read, nothing can be written")
  func readOnly() throws {
    let folder = try TemporaryFolder()
    let path = folder.path.appending("l.sqlite")
    let writer = try Ledger(path: path)
    try writer.transact("a") { (t) throws(LedgerFault) in try t.note(source(7)) }
    let reader = try Ledger(reading: path)
    #expect(try reader.read { (t) throws(LedgerFault) in try t.sources(of: stream) }.count == 1)
    #expect(throws: LedgerFault.self) { try reader.transact("b") { (t) throws(LedgerFault) in try t.note(source(9)) } }
  }
}
