import Config
import Core
import Files
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, logs that are emptied in place by us")
struct CopyTruncateTests {
  private func world(_ files: SimFiles, _ change: @escaping (inout Settings) -> Void = { _ in }) throws -> World {
    try World(
      files,
      change: {
        $0.streams[0].rotation = .copytruncate
        change(&$0)
      })
  }

  @Test("A log is emptied down to its header once what it held is sealed; its writer goes on")
  func emptied() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    files.setKnobs { $0.openForWriting = ["/logs/a.csv"] }
    let world = try world(files)
    var engine = world.makeEngine()
    for round in 1...5 {
      try await world.settle(&engine, flush: true)
      #expect(files.text(of: "/logs/a.csv") == "id,text\n")
      try files.append(to: "/logs/a.csv", "1,a\n\(round),x\n")
    }
    #expect(try world.sent() == "1,a\n" + (1...4).map { "1,a\n\($0),x\n" }.joined())
    #expect(world.events.all(.sourceGap).isEmpty)
    #expect(world.events.all(.segmentRotated).count == 5)
  }

  @Test("Nothing is cut off that no batch holds, nor in the middle of a record")
  func torn() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,\"half")
    let world = try world(files)
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n1,a\n2,\"half")
    try await world.settle(&engine, flush: true)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n1,a\n2,\"half")
    try files.append(to: "/logs/a.csv", "\n\"\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,\"half\n\"\n")
    #expect(files.text(of: "/logs/a.csv") == "id,text\n")
  }

  @Test("What a busy writer adds while a batch is sealed is carried over, not lost and not sent twice")
  func busy() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let busy = MeddledDisk(files) { try $0.append(to: "/logs/a.csv", "2,b\n") }
    let world = try World(busy, change: { $0.streams[0].rotation = .copytruncate })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n")
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try files.list("/state/streams/opens/pinned").isEmpty)
  }

  @Test("What is added right after the cut is read")
  func late() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    files.setKnobs { $0.writesAfterTruncate = Array("2,b\n".utf8) }
    let world = try world(files)
    var engine = world.makeEngine()
    engine.flush()
    try await world.settle(&engine, passes: 1)
    files.setKnobs { $0.writesAfterTruncate = nil }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
  }

  @Test("A writer that does not append leaves a hole of NULs: it is passed over and said")
  func hole() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/a.csv", "\0\0\0\0" + "2,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(world.events.all(.sourceGap).map { $0.fields[.bytes] } == ["4"])
    #expect(world.events.all(.sourceGap).map { $0.fields[.reason] } == ["hole"])
  }

  @Test("Somebody else empties it: what was unread is said with its bytes, what comes is read under the same header")
  func others() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    try files.outside { try $0.truncate("/logs/a.csv") }
    try files.append(to: "/logs/a.csv", "2,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "2,b\n")
    #expect(world.events.all(.sourceGap).map { $0.fields[.bytes] } == ["4"])
  }

  @Test("A cut whose sync failed, and then the power: what the log gets back is not sent again")
  func cutNotDurable() async throws {
    let machine = SimMachine()
    let files = machine.files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try files.outside { try $0.makeFolder("/state") }
    let disk = ShakyFiles.failing("sync", after: "truncate", files)
    let world = try World(disk, change: { $0.streams[0].rotation = .copytruncate })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n")
    machine.files.reboot(powerCut: files.snapshot.survivals()[0])
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n")
  }

  @Test("Killed and cut off at every step, two blows deep: each record is in one object")
  func crashes() async {
    var sweep = CrashSweep<World>(
      "copytruncate",
      prepare: { machine in
        try machine.files.outside { try $0.makeFolder("/state") }
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
        let busy = MeddledDisk(machine.files) { try $0.append(to: "/logs/a.csv", "3,c\n") }
        return try World(
          busy, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate,
          change: { $0.streams[0].rotation = .copytruncate })
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        try machine.files.append(to: "/logs/a.csv", "4,d\n")
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
        let sent = try world.sent()
        guard sent == "1,a\n2,b\n3,c\n4,d\n" else { throw Broken("sent \(sent)") }
        let left = machine.files.text(of: "/logs/a.csv")
        guard left == "id,text\n" else { throw Broken("left \(left ?? "nothing")") }
        guard machine.files.files(below: "/state/streams/opens/pinned").isEmpty else { throw Broken("a pin is left") }
      })
    sweep.depth = 2
    sweep.stride = 97
    sweep.survivals = 2
    sweep.followEach = 20
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 25)
  }
}
