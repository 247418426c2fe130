import Config
import Core
import Files
import Formats
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, logs that change under the reader")
struct MovingLogTests {
  @Test("A log that is cut off while it is read comes to an end, with what was whole", .timeLimit(.minutes(20)))
  func shrunk() throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "1,a\n2,b\n3,")
    for isFinal in [false, true] {
      let reader = LogReader(
        file: try files.open("/logs/a.csv"), size: 1_000, isFinal: isFinal, dialect: .csv(), maxRecord: 100, from: 0)
      var records = 0
      reading: while true {
        switch try reader.next(maxBytes: .max, maxRecords: .max) {
        case .records(let count, let bytes):
          records += count
          reader.consume(bytes)
        case .end(let rest):
          #expect(rest == 2)
          break reading
        default: throw Broken("a step too far")
        }
      }
      #expect(records >= 2)
    }
  }

  @Test("A packed log stays a packed log: where its folder could not be listed once, and under a name of no known kind")
  func packedElsewhere() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(files, logs: ["/logs/a.csv"], change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let packed = try gzip("id,text\n1,a\n2,b\n")
    try files.outside { try $0.put("/logs/a.csv.1.gz", packed) }
    try files.take("/logs/a.csv")
    try await world.settle(&engine, flush: true)
    // The first look and the one that is to agree with it.
    files.setKnobs { $0.faults = [0, 2].map { SimInjection(.io, at: .list, after: $0, below: "/logs") } }
    _ = try? engine.pass(at: world.now)
    world.wait(.seconds(60))
    try await world.settle(&engine, flush: true)
    engine = world.makeEngine()
    try files.outside { try $0.rename("/logs/a.csv.1.gz", to: "/logs/old") }
    try await world.settle(&engine, flush: true)
    try files.take("/logs/old")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("A log that is replaced by another just before it is cut is not taken for it")
  func replaced() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let meddled = MeddledDisk(files, at: .cutting) { disk in
      try disk.outside { try $0.rename("/logs/a.csv", to: "/logs/b.csv") }
      try disk.put("/logs/a.csv", "id,text\n2,b\n3,c\n4,d\n")
    }
    let world = try World(meddled, change: { $0.streams[0].rotation = .closed })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("A log that is emptied and filled with something else just before it is cut is not taken for it")
  func refilled() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let meddled = MeddledDisk(files, at: .cutting) { disk in
      try disk.outside { try $0.truncate("/logs/a.csv") }
      try disk.append(to: "/logs/a.csv", "id,more\n2,b\n3,c\n")
    }
    let world = try World(meddled, change: { $0.streams[0].rotation = .closed })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent(header: "id,more") == "2,b\n3,c\n")
    #expect(world.events.all(.sourceGap).map { $0.fields[.bytes] } == ["4"])
  }

  @Test(
    "A log that is deleted unread between two lives is said",
    arguments: [.rename, .closed, .follow, .copytruncate] as [StreamSettings.Rotation])
  func deletedBetweenLives(_ rotation: StreamSettings.Rotation) throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    files.setKnobs { $0.openForWriting = ["/logs/a.csv"] }
    let world = try World(files, change: { $0.streams[0].rotation = rotation })
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    #expect(world.store.keys.isEmpty && world.events.all(.sourceGap).isEmpty)
    try files.outside { _ = try $0.take("/logs/a.csv") }
    engine = world.makeEngine()
    for _ in 0..<2 { _ = try engine.pass(at: world.now) }
    let gaps = world.events.all(.sourceGap)
    #expect(gaps.map { $0.fields[.bytes] } == ["4"])
    #expect(gaps.allSatisfy { $0.message.contains("at least") })
  }

  @Test(
    "A log that is deleted when all of it was read is no loss, in whatever life",
    arguments: [.rename, .closed] as [StreamSettings.Rotation],
    ["id,text\n", "id,text\n1,a\n", "id,text\r\n", "\n"])
  func deletedWhenRead(_ rotation: StreamSettings.Rotation, text: String) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", text)
    let world = try World(
      files,
      change: {
        $0.streams[0].rotation = rotation
        $0.streams[0].after = .keep
      })
    for _ in 0..<2 {
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
    }
    #expect(try world.sent() == (text.contains("1,a") ? "1,a\n" : ""))
    let left = Array(files.files(below: "/logs").keys)
    #expect(left.count == 1)
    for path in left { try files.outside { _ = try $0.take(path) } }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    // One that its writer may have added to is told as that, and no record is said to be missing.
    let reasons = world.events.all(.sourceGap).compactMap { $0.fields[.reason] }
    #expect(reasons == (rotation == .rename && !text.contains("1,a") ? ["out_of_sight"] : []))
  }

  @Test(
    "A rotation while the folder is looked at hides nothing, and changes no order", arguments: [false, true],
    [MeddledDisk.Instant.listed, .opening])
  func rotatedUnderALook(byCopy: Bool, instant: MeddledDisk.Instant) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let rotate: @Sendable (SimFiles, String) throws -> Void = { files, next in
      if files.text(of: "/logs/a.csv.1") != nil {
        try files.outside { try $0.rename("/logs/a.csv.1", to: "/logs/a.csv.2") }
      }
      if byCopy {
        try files.put("/logs/a.csv.1", files.text(of: "/logs/a.csv") ?? "")
        try files.outside { try $0.truncate("/logs/a.csv") }
      } else {
        try files.outside { try $0.rename("/logs/a.csv", to: "/logs/a.csv.1") }
        try files.put("/logs/a.csv", "id,text\n")
      }
      try files.append(to: "/logs/a.csv", next)
    }
    let meddled = MeddledDisk(files, at: instant) { try rotate($0, "4,d\n") }
    let world = try World(meddled, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/a.csv", "2,b\n")
    try rotate(files, "3,c\n")
    meddled.arm()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("A copy that is still being made when the emptied log is seen comes before it all the same")
  func copyInTheMaking() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(files, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    for record in ["2,b\n", "3,c\n"] {
      try files.append(to: "/logs/a.csv", record)
      if files.text(of: "/logs/a.csv.1") != nil {
        try files.outside { try $0.rename("/logs/a.csv.1", to: "/logs/a.csv.2") }
      }
      try files.put("/logs/a.csv.1", files.text(of: "/logs/a.csv") ?? "")
      try files.outside { try $0.truncate("/logs/a.csv") }
    }
    files.setKnobs { $0.openForWriting = ["/logs/a.csv.1"] }
    _ = try engine.pass(at: world.now)
    try files.append(to: "/logs/a.csv", "4,d\n")
    _ = try engine.pass(at: world.now)
    files.setKnobs { $0.openForWriting = [] }
    world.wait(.seconds(1))
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("Copies made while nobody looked come in their order before the emptied log, which was known before them")
  func copiesMeanwhile() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(files, change: { $0.streams[0].rotation = .follow })
    var number = 1
    for _ in 0..<2 {
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      for _ in 0..<3 {
        number += 1
        try files.append(to: "/logs/a.csv", "\(number),x\n")
        for old in (1...8).reversed() where files.text(of: FilePath("/logs/a.csv.\(old)")) != nil {
          try files.outside { try $0.rename(FilePath("/logs/a.csv.\(old)"), to: FilePath("/logs/a.csv.\(old + 1)")) }
        }
        try files.put("/logs/a.csv.1", files.text(of: "/logs/a.csv") ?? "")
        try files.outside { try $0.truncate("/logs/a.csv") }
      }
    }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n" + (2...number).map { "\($0),x\n" }.joined())
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("A rotated log that is deleted between its cut and its sealing is read from what was saved of it")
  func deletedBeforeSealing() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let meddled = MeddledDisk(files, at: .syncing) { disk in try disk.take("/logs/a.csv.1") }
    let world = try World(meddled, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/a.csv", "2,b\n")
    try files.outside { try $0.rename("/logs/a.csv", to: "/logs/a.csv.1") }
    _ = try engine.pass(at: world.now)
    meddled.arm()
    try await world.settle(&engine, flush: true)
    #expect(files.text(of: "/logs/a.csv.1") == nil)
    #expect(try world.sent() == "1,a\n2,b\n")
  }

  @Test("A batch whose move could not be made durable keeps its number for itself")
  func movedNotDurable() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let disk = ShakyFiles.failing("sync", after: "move", files)
    let world = try World(disk, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.events.all(.lanePaused).count == 1)
    try files.append(to: "/logs/a.csv", "2,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try world.places(.ready).isEmpty)
  }

  @Test("A batch whose move could not be made durable is so before the ledger knows of it")
  func movedThenCut() async throws {
    let machine = SimMachine()
    let files = machine.files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try files.outside { try $0.makeFolder("/state") }
    let disk = ShakyFiles.failing("sync", after: "move", files)
    let world = try World(disk, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    engine.flush()
    for _ in 0..<2 { _ = try engine.pass(at: world.now) }
    let known = try world.ledger.read { (t) throws(LedgerFault) in
      try t.batches.knows(BatchID(stream: world.settings.streams[0].name, sequence: 1))
    }
    #expect(world.events.all(.lanePaused).count == 1 && known)
    files.reboot(powerCut: files.snapshot.survivals()[0])
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n")
  }

  @Test("A short log that lost bytes which nobody had read, with the power, is the same log")
  func shortAfterPowerCut() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try files.outside { try $0.makeFolder("/state") }
    let world = try World(files, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/a.csv", "2,b\n", durable: false)
    _ = try engine.pass(at: world.now)
    files.reboot(powerCut: files.snapshot.survivals()[0])
    #expect(files.text(of: "/logs/a.csv") == "id,text\n1,a\n")
    try files.append(to: "/logs/a.csv", "3,c\n")
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n3,c\n")
  }

  @Test("What was saved of a log that has no header of its own is sent under the one that its writer began with")
  func savedWithoutHeader() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(files, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.put("/logs/a.csv.1", "id,text\n1,a\n")
    try files.outside { try $0.truncate("/logs/a.csv") }
    try files.append(to: "/logs/a.csv", "2,b\n")
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/a.csv", "3,c\n")
    try files.put("/logs/a.csv.2", "2,b\n3,c\n")
    try files.outside { try $0.truncate("/logs/a.csv") }
    _ = try engine.pass(at: world.now)
    try files.take("/logs/a.csv.2")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("Power that fails before a writer's bytes are durable takes none of them twice: no cursor is ahead of its log")
  func notDurable() async {
    var sweep = CrashSweep<World>(
      "a log that is not durable",
      prepare: { machine in
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n")
        try machine.files.append(to: "/logs/a.csv", "2,b\n3,c\n", durable: false)
        return try World(
          machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate,
          change: { $0.streams[0].rotation = .follow })
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        let sent = try world.sent()
        guard sent == machine.files.text(of: "/logs/a.csv")?.dropFirst(8).description else {
          throw Broken("sent \(sent) of \(machine.files.text(of: "/logs/a.csv") ?? "nothing")")
        }
      })
    sweep.survivals = 2
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
  }
}
