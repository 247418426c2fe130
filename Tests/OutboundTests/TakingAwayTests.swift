import Config
import Core
import Files
import Journal
import Ledger
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Outbound

@Suite("Outbound, what becomes of files that others have closed")
struct TakingAwayTests {
  private func world(_ files: SimFiles, after: StreamSettings.After?, change: (inout Settings) -> Void = { _ in })
    throws
    -> World
  {
    try World(
      files,
      change: {
        $0.streams[0].rotation = .closed
        $0.streams[0].after = after
        change(&$0)
      })
  }

  private func archived(_ files: SimFiles) throws -> [String] {
    guard try files.info("/state/streams/opens/archive") != nil else { return [] }
    return try files.list("/state/streams/opens/archive").map(\.description)
  }

  @Test("Where nothing is said they stay, and where keep is; delete and archive take away what is wholly confirmed")
  func stated() async throws {
    for after in [nil, .keep, .delete, .archive] as [StreamSettings.After?] {
      let files = SimMachine().files
      try files.put("/logs/a.csv", "id,text\n1,a\n2,b")
      let world = try world(files, after: after)
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n")
      let stays = after == nil || after == .keep
      #expect(try files.list("/logs").map(\.description) == (stays ? ["a.csv"] : []))
      #expect(try archived(files).count == (after == .archive ? 1 : 0))
      // Nothing is sent again, by the next life either.
      var next = world.makeEngine()
      try await world.settle(&next, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n" && world.store.keys.count == 1)
    }
  }

  @Test("Nothing goes before every store has confirmed it, and before the rest of it is sent")
  func unconfirmed() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
    let world = try world(files, after: .delete) { $0.streams[0].batch.maxRows = 1 }
    world.store.expect(.refused(.refused))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.places(.held).count == 1)
    #expect(try files.list("/logs").count == 1)
    _ = try engine.retry(nil, at: world.now)
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try files.list("/logs").isEmpty)
  }

  @Test("What was never sent is not touched: an empty file, a header alone, what start: end left out")
  func unsent() async throws {
    let files = SimMachine().files
    try files.put("/logs/empty.csv", "")
    try files.put("/logs/header.csv", "id,text\n")
    try files.put("/logs/old.csv", "id,text\n1,a\n")
    let world = try world(files, after: .delete) { $0.streams[0].start = .end }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.put("/logs/new.csv", "id,text\n2,b\n")
    // Written on after it was left out: still not all of it was sent.
    try files.append(to: "/logs/old.csv", "3,c\n")
    for _ in 0..<2 {
      try await world.settle(&engine, flush: true)
      engine = world.makeEngine()
    }
    let sent = try world.sent()
    #expect(sent == "3,c\n2,b\n" || sent == "2,b\n3,c\n")
    #expect(try files.list("/logs").map(\.description).sorted() == ["empty.csv", "header.csv", "old.csv"])
  }

  @Test("A file that somebody has open again stays, and what he adds is sent before it goes")
  func reopened() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try world(files, after: .delete)
    world.store.expect(.refused(.unreachable))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 1)
    files.setKnobs { $0.openForWriting = ["/logs/a.csv"] }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n")
    #expect(try files.list("/logs").map(\.description) == ["a.csv"])
    try files.append(to: "/logs/a.csv", "2,b\n")
    files.setKnobs { $0.openForWriting = [] }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try files.list("/logs").isEmpty)
  }

  @Test("Records that are added at the instant at which the file is taken away are sent, and nothing is lost")
  func raced() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let isLate = Locked(false)
    let disk = ShakyFiles(files) { (call) throws(FileFault) in
      // Just before the file gets its name of ours.
      guard call.hasPrefix("move"), (try? files.info("/logs/a.csv")) != nil, (try? files.list("/logs").count) == 1,
        (try? files.list("/state/streams/opens/delivered").isEmpty) == false,
        isLate.withLock({ isLate in
          defer { isLate = true }
          return !isLate
        })
      else { return }
      try? files.append(to: "/logs/a.csv", "2,b\n")
    }
    let world = try World(
      disk,
      change: {
        $0.streams[0].rotation = .closed
        $0.streams[0].after = .delete
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(isLate.withLock { $0 })
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try files.list("/logs").isEmpty)
  }

  @Test(
    "Killed and cut off at every step: each record is in one object, and a file goes only when its records are safe")
  func crashes() async {
    for after in [StreamSettings.After.delete, .archive] {
      var sweep = CrashSweep<World>(
        "closed, \(after)",
        prepare: { machine in
          try machine.files.outside { try $0.makeFolder("/state") }
          try machine.files.put("/logs/a.csv", OutboundCrashTests.first)
          return try World(
            machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate
          ) {
            $0.streams[0].rotation = .closed
            $0.streams[0].after = after
          }
        },
        life: { _, world in
          var engine = world.makeEngine()
          try await world.settle(&engine, flush: true)
        },
        check: { machine, world in
          var engine = world.makeEngine()
          try await world.settle(&engine, flush: true)
          let sent = try world.sent()
          guard sent == "1,a\n2,\"b\nb\"\n3,c\n" else { throw Broken("sent \(sent)") }
          guard try machine.files.list("/logs").isEmpty else { throw Broken("the file is there still") }
        })
      sweep.stride = 7
      let report = await sweep.run()
      #expect(report.failures.isEmpty, "\(report)")
      #expect(report.steps > 15)
    }
  }
}

@Suite("Outbound, names of columns that are not there")
struct RenameTests {
  @Test("header.rename of a column that a log lacks is told once for each header, and the records go all the same")
  func told() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try files.put("/logs/b.csv", "id,text\n2,b\n")
    try files.put("/logs/c.csv", "E-mail,id\nx,3\n")
    let world = try World(
      files,
      change: {
        $0.streams[0].headerRename = ["E-mail": "email", "id": "_id"]
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let told = world.events.all(.renameUnmatched)
    #expect(told.count == 1)
    #expect(told.first?.message.contains("has no column “E-mail”, which header.rename names") == true)
    #expect(told.first?.fields[.path] == "/logs/a.csv" || told.first?.fields[.path]?.hasPrefix("/logs/a.csv.") == true)
    #expect(world.store.keys.count == 2)
    try files.put("/logs/d.csv", "id,other\n4,d\n")
    try await world.settle(&engine, flush: true)
    #expect(world.events.all(.renameUnmatched).count == 2)
  }

  @Test("A name counts as it stands in the log, and as sanitize makes it")
  func sanitized() throws {
    func missing(_ rename: [String: String], sanitize: Bool) throws -> [String] {
      var settings = StreamSettings(name: try #require(StreamName("s")), logs: [], stores: [])
      (settings.headerRename, settings.headerSanitize) = (rename, sanitize)
      return RenameCheck.missing(in: Array("[@delivery-id],@id".utf8), settings)
    }
    #expect(try missing(["[@delivery-id]": "a", "id": "b"], sanitize: true) == [])
    #expect(try missing(["delivery_id": "a", "@id": "b"], sanitize: false) == ["delivery_id"])
    #expect(try missing(["nothing": "a", "else": "b"], sanitize: true) == ["else", "nothing"])
  }
}
