import Config
import Core
import Files
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Outbound

@Suite("Outbound, files that are complete when nobody writes them")
struct ClosedTests {
  private func world(_ files: SimFiles, change: (inout Settings) -> Void = { _ in }) throws -> World {
    try World(
      files,
      change: {
        $0.streams[0].rotation = .closed
        change(&$0)
      })
  }

  @Test("A file is taken whole once nobody has it open, its last record too, and stays untouched")
  func whole() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b")
    files.setKnobs { $0.openForWriting = ["/logs/a.csv"] }
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty)
    files.setKnobs { $0.openForWriting = [] }
    let before = try files.info("/logs/a.csv")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(try files.info("/logs/a.csv") == before)
    #expect(world.store.keys.count == 1)
  }

  @Test("A file of another user counts as complete when it has been at rest")
  func resting() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a")
    files.setKnobs { $0.foreign = ["/logs"] }
    let world = try world(files)
    var engine = world.makeEngine()
    engine.flush()
    _ = try engine.pass(at: world.now)
    #expect(try world.places(.ready).isEmpty)
    world.wait(Limits.restBeforeFinal)
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n")
  }

  @Test("A record that is completed between the look at its file and the question who has it open is not torn apart")
  func completedMeanwhile() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,")
    let isOpen = Locked(true)
    let disk = ShakyFiles(files) { (call) throws(FileFault) in
      guard call == "writers",
        isOpen.withLock({ isOpen in
          defer { isOpen = false }
          return isOpen
        })
      else { return }
      try? files.append(to: "/logs/a.csv", "b\n")
    }
    let world = try World(disk, change: { $0.streams[0].rotation = .closed })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
  }

  @Test("What is taken is never sent again: not after a restart, not after the ledger was lost")
  func once() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try files.put("/logs/b.csv", "id,text\n2,b\n")
    var world = try world(files)
    for _ in 0..<3 {
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
    }
    #expect(try world.sent() == "1,a\n2,b\n")
    world.wait(.seconds(30 * 86_400))
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)

    world = try self.world(files)
    try OutboundRebuild(state: StateFolder("/state"), files: files).fill(world.ledger, at: world.now.wall)
    try files.put("/logs/c.csv", "id,text\n3,c\n")
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try world.sent() == "3,c\n")
    #expect(files.files(below: "/logs").count == 3)
  }

  @Test("A renamed file is the same; one that replaces it is another")
  func renamed() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.outside { try $0.rename("/logs/a.csv", to: "/logs/z.csv") }
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n1,a\n2,b\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("An empty file and one with only a header make no batch")
  func nothing() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "")
    try files.put("/logs/b.csv", "id,text\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty && world.events.all(.batchSealed).isEmpty)
    #expect(files.files(below: "/logs").count == 2)
  }

  @Test("A file with only another header does not keep those behind it waiting")
  func otherHeader() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "old\n")
    try files.put("/logs/b.csv", "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    engine.flush()
    _ = try engine.pass(at: world.now)
    #expect(try world.places(.ready) == ["opens-000001"])
  }

  @Test("Killed and cut off at every step, two blows deep: each record is in one object, no file is touched")
  func crashes() async {
    var sweep = CrashSweep<World>(
      "closed",
      prepare: { machine in
        try machine.files.outside { try $0.makeFolder("/state") }
        try machine.files.put("/logs/a.csv", OutboundCrashTests.first)
        try machine.files.put("/logs/b.csv", OutboundCrashTests.later)
        return try World(
          machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate
        ) { $0.streams[0].rotation = .closed }
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        let sent = try world.sent()
        guard sent == "1,a\n2,\"b\nb\"\n3,c\n4,d\n5,e\n" else { throw Broken("sent \(sent)") }
        guard machine.files.text(of: "/logs/a.csv") == OutboundCrashTests.first,
          machine.files.text(of: "/logs/b.csv") == OutboundCrashTests.later
        else { throw Broken("a source was touched") }
      })
    sweep.depth = 2
    sweep.stride = 17
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 15)
  }
}

@Suite("Outbound, where a stream begins")
struct BeginningTests {
  @Test("start: end leaves out what lies there at the very first look, and nothing that comes later")
  func end() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,\"a\na\"\n2,half")
    let world = try World(files, change: { $0.streams[0].start = .end })
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    try files.append(to: "/logs/a.csv", "way\n3,c\n")
    try files.put("/logs/b.csv", "id,text\n4,d\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "2,halfway\n3,c\n4,d\n")
  }

  @Test("… also where there was nothing at first, and after a restart and a lost ledger")
  func remembered() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    for _ in 0..<2 {
      let world = try World(files, change: { $0.streams[0].start = .end })
      var engine = world.makeEngine()
      _ = try engine.pass(at: world.now)
    }
    try files.append(to: "/logs/a.csv", "2,b\n")
    try files.put("/logs/b.csv", "id,text\n3,c\n")
    let world = try World(files, change: { $0.streams[0].start = .end })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "2,b\n3,c\n")

    let none = SimMachine().files
    try none.outside { try $0.makeFolder("/logs") }
    let empty = try World(none, change: { $0.streams[0].start = .end })
    var first = empty.makeEngine()
    _ = try first.pass(at: empty.now)
    try none.put("/logs/a.csv", "id,text\n1,a\n")
    var second = empty.makeEngine()
    try await empty.settle(&second, flush: true)
    #expect(try empty.sent() == "1,a\n")
  }

  @Test("A stream that has begun is not begun again when start is changed")
  func changed() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try World(files)
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    var settings = world.settings
    settings.streams[0].start = .end
    var other = StreamWorker(
      settings.streams[0], of: settings, shared: StreamsShared(settings), files: files, ledger: world.ledger,
      events: world.events, random: SteadyNumbers())
    try await world.settle(&other, flush: true)
    #expect(try world.sent() == "1,a\n")
  }

  @Test("Killed and cut off at every step of the first look: what was left out stays left out, the rest is sent")
  func crashes() async {
    let sweep = CrashSweep<World>(
      "start: end",
      prepare: { machine in
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n")
        return try World(machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate) {
          $0.streams[0].start = .end
          $0.streams[0].rotation = .closed
        }
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        try machine.files.put("/logs/b.csv", "id,text\n2,b\n")
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
        let sent = try world.sent()
        guard sent == "2,b\n" else { throw Broken("sent \(sent)") }
      })
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
  }
}

@Suite("Outbound, how a log is known again")
struct IdentityTests {
  private func world(_ files: SimFiles) throws -> World {
    try World(files, change: { $0.streams[0].rotation = .closed })
  }

  @Test("Two names of one file are one log")
  func hardLink() async throws {
    for rotation in [StreamSettings.Rotation.rename, .closed] {
      let files = SimMachine().files
      try files.put("/logs/a.csv", "id,text\n1,a\n")
      try files.link("/logs/a.csv", as: "/logs/b.csv")
      let world = try World(files, change: { $0.streams[0].rotation = rotation })
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "1,a\n")
    }
  }

  @Test("Identical first lines do not make two logs one")
  func identicalLines() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try files.put("/logs/b.csv", "id,text\n1,a\n2,b\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n1,a\n2,b\n")
  }

  @Test(
    "A log that was emptied and filled again beyond the cursor is another, also where both begin with 5,000 equal bytes"
  )
  func refilled() async throws {
    let files = SimMachine().files
    let header = "id," + String(repeating: "text", count: 1_250)
    try files.put("/logs/a.csv", header + "\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.outside { try $0.truncate("/logs/a.csv") }
    try files.append(to: "/logs/a.csv", header + "\n2,b\n3,c\n")
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try world.sent(header: header) == "1,a\n2,b\n3,c\n")
  }

  @Test("A log that was replaced while the agent was down is another, whatever its inode")
  func replaced() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.take("/logs/a.csv")
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try world.sent() == "1,a\n1,a\n2,b\n")
  }
}
