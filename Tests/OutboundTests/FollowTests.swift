import Config
import Core
import Files
import Formats
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, logs that others rotate")
struct FollowTests {
  private let log = FilePath("/logs/a.csv")

  private func world(_ files: any Files, logs: [String] = ["/logs/a.csv"]) throws -> World {
    try World(files, logs: logs, change: { $0.streams[0].rotation = .follow })
  }

  private func rename(_ files: SimFiles, _ from: FilePath, _ to: FilePath) throws {
    try files.outside { try $0.rename(from, to: to) }
  }

  /// What `copytruncate` does, with what its writer adds before the cut and after it.
  private func copyTruncate(_ files: SimFiles, to copy: FilePath, after: String = "") throws {
    try files.put(copy, files.text(of: log) ?? "")
    try files.outside { try $0.truncate("/logs/a.csv") }
    try files.append(to: log, after)
  }

  private func compress(_ files: SimFiles, _ path: FilePath) throws {
    let text = files.text(of: path) ?? ""
    let name = path.appendingToName(".gz")
    let packed = try gzip(text)
    try files.outside { try $0.put(name, packed) }
    try files.take(path)
  }

  @Test("The live log is read as it grows, and nothing is done to it")
  func live() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    let before = try files.info(log)
    try await world.settle(&engine, flush: true)
    #expect(try files.info(log) == before)
    try files.append(to: log, "2,b\n3,half")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    try files.append(to: log, "\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,half\n")
  }

  @Test("create: each log is read to its end under its new names, the last record of a closed one too")
  func create() async throws {
    let files = SimMachine().files
    let world = try world(files)
    var engine = world.makeEngine()
    var expected = ""
    for round in 1...5 {
      try files.put(log, "id,text\n\(round),a\n")
      try await world.settle(&engine, flush: true)
      try files.append(to: log, "\(round),b\n\(round),c")
      if files.text(of: "/logs/a.csv.1") != nil { try rename(files, "/logs/a.csv.1", "/logs/a.csv.2") }
      try rename(files, log, "/logs/a.csv.1")
      expected += "\(round),a\n\(round),b\n\(round),c\n"
    }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == expected)
    #expect(world.events.all(.sourceGap).isEmpty)
    #expect(files.files(below: "/logs").count == 2)
    #expect(files.files(below: "/state/streams/opens/pinned").isEmpty)
  }

  @Test("copytruncate: a copy that logrotate still has open when the log is empty already comes before what follows")
  func copyStillOpen() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: log, "2,b\n")
    files.outside { _ = $0.knobs.openForWriting.insert("/logs/a.csv.1") }
    try copyTruncate(files, to: "/logs/a.csv.1")
    try await world.settle(&engine)
    files.outside { _ = $0.knobs.openForWriting.remove("/logs/a.csv.1") }
    try files.append(to: log, "3,c\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("copytruncate: the copy goes on where its log was read, the log begins anew, with or without a header")
  func copied() async throws {
    for header in ["", "id,text\n"] {
      let files = SimMachine().files
      try files.put(log, "id,text\n1,a\n")
      let world = try world(files)
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      try files.append(to: log, "2,b\n")
      try copyTruncate(files, to: "/logs/a.csv.1", after: header + "3,c\n")
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n3,c\n")
      try rename(files, "/logs/a.csv.1", "/logs/a.csv.2")
      try files.append(to: log, "4,d\n")
      try copyTruncate(files, to: "/logs/a.csv.1", after: header + "5,e\n")
      var next = world.makeEngine()
      try await world.settle(&next, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n5,e\n")
      #expect(world.events.all(.sourceGap).isEmpty)
    }
  }

  @Test("copytruncate before anything was read: the copy stands in for the log, and no gap is told")
  func copiedUnread() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    try copyTruncate(files, to: "/logs/a.csv.1", after: "2,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("A copy that is there before its log is emptied is not sent again")
  func copyFirst() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: log, "2,b\n")
    try files.put("/logs/a.csv.1", "id,text\n1,a\n2,b\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    try files.outside { try $0.truncate("/logs/a.csv") }
    try files.append(to: log, "3,c\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n")
  }

  @Test("What a writer adds between the copy and the cut is lost to all: it is said with its bytes")
  func lostByOthers() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let copy = files.text(of: log) ?? ""
    try files.append(to: log, "2,lost\n")
    _ = try engine.pass(at: world.now)
    try files.put("/logs/a.csv.1", copy)
    try files.outside { try $0.truncate("/logs/a.csv") }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n")
    #expect(world.events.all(.sourceGap).map { $0.fields[.bytes] } == ["7"])
  }

  @Test("compress and delaycompress: a packed log is known by what it holds, read on, and not sent again")
  func compressed() async throws {
    for delay in [false, true] {
      let files = SimMachine().files
      let world = try world(files)
      var engine = world.makeEngine()
      var expected = ""
      for round in 1...4 {
        try files.put(log, "id,text\n\(round),a\n")
        try await world.settle(&engine, flush: true)
        try files.append(to: log, "\(round),b\n")
        for old in [2, 1] where files.text(of: FilePath("/logs/a.csv.\(old).gz")) != nil {
          try rename(files, FilePath("/logs/a.csv.\(old).gz"), FilePath("/logs/a.csv.\(old + 1).gz"))
        }
        if delay, files.text(of: "/logs/a.csv.1") != nil {
          try rename(files, "/logs/a.csv.1", "/logs/a.csv.2")
          try compress(files, "/logs/a.csv.2")
        }
        try rename(files, log, "/logs/a.csv.1")
        if !delay { try compress(files, "/logs/a.csv.1") }
        expected += "\(round),a\n\(round),b\n"
      }
      var next = world.makeEngine()
      try await world.settle(&next, flush: true)
      #expect(try world.sent() == expected, "delaycompress: \(delay)")
      #expect(world.events.all(.sourceGap).isEmpty, "delaycompress: \(delay)")
    }
  }

  @Test(
    "Packed by another program, or not packed yet: read from where the log lay before, and no byte of it is taken for records"
  )
  func packedOtherwise() async throws {
    for suffix in ["xz", "gz"] {
      let files = SimMachine().files
      try files.put(log, "id,text\n1,a\n")
      let world = try world(files, logs: ["/logs/a*"])
      var engine = world.makeEngine()
      _ = try engine.pass(at: world.now)
      try files.append(to: log, "2,b\n")
      try files.put(FilePath("/logs/a.csv.1.\(suffix)"), suffix == "gz" ? "" : "\u{fd}7zXZ\n")
      try files.take(log)
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n", "\(suffix)")
      if suffix == "gz" {
        let packed = try gzip("id,text\n1,a\n2,b\n")
        try files.outside { try $0.put("/logs/a.csv.1.gz", packed) }
        var next = world.makeEngine()
        try await world.settle(&next, flush: true)
        #expect(try world.sent() == "1,a\n2,b\n", "\(suffix)")
      }
      #expect(world.events.all(.sourceGap).isEmpty)
    }
  }

  @Test("What is remembered of rotated files goes with them")
  func forgets() async throws {
    let files = SimMachine().files
    let world = try world(files)
    var engine = world.makeEngine()
    for round in 1...12 {
      try files.put(log, "id,text\n\(round),a\n")
      try await world.settle(&engine, flush: true)
      // A copy of what is whole is passed over.
      try files.put(FilePath("/logs/a.csv-\(round)"), "id,text\n\(round),a\n")
      try await world.settle(&engine, flush: true)
      try files.take(FilePath("/logs/a.csv-\(round)"))
      try files.take(log)
    }
    try await world.settle(&engine, flush: true)
    #expect(engine.state.discovery.isEmpty)
    #expect(world.store.keys.count == 12)
  }

  @Test("Packed while the agent was down, or half packed when it looks")
  func packedUnseen() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: log, "2,b\n")
    try rename(files, log, "/logs/a.csv.1")
    try files.put(log, "id,text\n3,c\n")
    let packed = try gzip(files.text(of: "/logs/a.csv.1") ?? "")
    try files.outside { try $0.put("/logs/a.csv.1.gz", Array(packed.prefix(15))) }
    files.setKnobs { $0.openForWriting = ["/logs/a.csv.1.gz"] }
    var next = world.makeEngine()
    _ = try next.pass(at: world.now)
    try files.take("/logs/a.csv.1")
    try files.outside { try $0.put("/logs/a.csv.1.gz", packed) }
    files.setKnobs { $0.openForWriting = [] }
    var last = world.makeEngine()
    try await world.settle(&last, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n" || world.sent() == "1,a\n3,c\n2,b\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("Dated names, Campaign's second file, and a log that is moved to any other name")
  func names() async throws {
    for name in ["a.csv-20260312", "a-20260312.csv", "a_2.csv", "a.csv.2026-03-12T06", "somewhere"] {
      let files = SimMachine().files
      try files.put(log, "id,text\n1,a\n")
      let world = try world(files)
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      try files.append(to: log, "2,b\n")
      try rename(files, log, FilePath("/logs/\(name)"))
      try files.put(log, "id,text\n3,c\n")
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n3,c\n", "\(name)")
      #expect(world.events.all(.sourceGap).isEmpty)
    }
  }

  @Test("Deleted while we have it open: what was unread is read still, also after a restart")
  func deleted() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    try files.append(to: log, "2,b\n")
    try files.take(log)
    _ = try engine.pass(at: world.now)
    #expect(!files.files(below: "/state/streams/opens/pinned").isEmpty)
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try world.sent() == "1,a\n2,b\n")
    #expect(files.files(below: "/state/streams/opens/pinned").isEmpty)
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("A copy outlives a lost ledger, and one whose log is known to have ended is removed")
  func orphans() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    _ = try engine.pass(at: world.now)
    try files.take(log)
    _ = try engine.pass(at: world.now)
    let pins = files.files(below: "/state/streams/opens/pinned")
    let other = try self.world(files)
    var next = other.makeEngine()
    try await other.settle(&next, flush: true)
    #expect(try other.sent() == "1,a\n")
    // A power cut brings it back.
    for (path, bytes) in pins { try files.outside { try $0.put(path, bytes) } }
    var last = other.makeEngine()
    try await other.settle(&last, flush: true)
    #expect(try other.sent() == "1,a\n")
    #expect(files.files(below: "/state/streams/opens/pinned").isEmpty)
  }

  @Test("Logs that were rotated before the first look are history, unless the pattern names them")
  func history() async throws {
    for (logs, sent) in [(["/logs/a.csv"], "3,c\n4,d\n"), (["/logs/a.csv*"], "1,a\n2,b\n3,c\n4,d\n")] {
      let files = SimMachine().files
      let packed = try gzip("id,text\n1,a\n")
      try files.outside { try $0.put("/logs/a.csv.2.gz", packed) }
      try files.put("/logs/a.csv.1", "id,text\n2,b\n")
      try files.put(log, "id,text\n3,c\n")
      let world = try world(files, logs: logs)
      for round in 0..<2 {
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
        if round == 0 { try files.append(to: log, "4,d\n") }
      }
      #expect(try world.sent() == sent)
    }
  }

  enum Manner: CaseIterable { case create, copytruncate, compress }

  @Test("Killed and cut off at every step, two blows deep, across each kind of rotation", arguments: Manner.allCases)
  func crashes(manner: Manner) async {
    let down = self
    var sweep = CrashSweep<World>(
      "follow, \(manner)",
      prepare: { machine in
        try machine.files.outside { try $0.makeFolder("/state") }
        try machine.files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
        let meddled = MeddledDisk(machine.files) { disk in
          try disk.append(to: "/logs/a.csv", "3,c\n")
          if manner == .copytruncate {
            try down.copyTruncate(disk, to: "/logs/a.csv.1", after: "4,d\n")
          } else {
            try down.rename(disk, "/logs/a.csv", "/logs/a.csv.1")
            if manner == .compress { try down.compress(disk, "/logs/a.csv.1") }
            try disk.put("/logs/a.csv", "id,text\n4,d\n")
          }
        }
        return try World(
          meddled, logs: ["/logs/a.csv"], ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate,
          change: { $0.streams[0].rotation = .follow })
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        let sent = try world.sent()
        guard sent == "1,a\n2,b\n3,c\n4,d\n" else { throw Broken("sent \(sent)") }
        guard machine.files.files(below: "/state/streams/opens/pinned").isEmpty else { throw Broken("a pin is left") }
      })
    sweep.depth = manner == .compress ? 1 : 2
    sweep.cutsPower = manner != .compress
    sweep.stride = 97
    sweep.survivals = 2
    sweep.followEach = 20
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 25)
  }
}
