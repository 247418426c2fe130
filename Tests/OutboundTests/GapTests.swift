import Config
import Core
import Files
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("What was never read is said, and only that")
struct GapTests {
  private let log = FilePath("/logs/a.csv")

  private func world(
    _ files: any Files, _ rotation: StreamSettings.Rotation = .follow,
    logs: [String] = ["/logs/a.csv"]
  ) throws -> World {
    try World(files, logs: logs, change: { $0.streams[0].rotation = rotation })
  }

  private func gaps(_ world: World) throws -> [GapRecord] {
    try world.ledger.read { (t) throws(LedgerFault) in
      try t.gaps.list(of: world.settings.streams[0].name, since: nil)
    }
  }

  private func reasons(_ world: World) -> [String] {
    world.events.all(.sourceGap).compactMap { $0.fields[.reason] }
  }

  @Test(
    "A log that may have grown and is gone at the next start is told, once, and remembered",
    arguments: [StreamSettings.Rotation.follow, .copytruncate, .rename])
  func gone(rotation: StreamSettings.Rotation) async throws {
    let files = SimMachine().files
    try files.put(log, rotation == .rename ? "id,text\n" : "id,text\n1,a\n")
    let world = try world(files, rotation)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.take(log)
    try files.put(log, "id,text\n9,i\n")
    for _ in 1...2 {
      engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
    }
    #expect(try world.sent() == (rotation == .rename ? "" : "1,a\n") + "9,i\n")
    #expect(reasons(world) == ["out_of_sight"])
    let gap = try #require(try gaps(world).first)
    #expect(gap.path == "/logs/a.csv" && gap.bytes == 0 && gap.reason == "out_of_sight")
    #expect(gap.detail.contains("what was known of it is sent, and what may have been written to it since 2026-"))
    #expect(try gaps(world).count == 1)
  }

  @Test("What was known and unread is told with its size, in the ledger too")
  func vanished() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: log, "2,b\n")
    _ = try engine.pass(at: world.now)
    try files.take(log)
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(reasons(world) == ["vanished"])
    #expect(try gaps(world).map(\.bytes) == [4])
  }

  @Test("Rotated twice past rotate 1 while the agent was away: told")
  func twice() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: log, "2,b\n")
    try files.take(log)
    try files.put("/logs/a.csv.1", "id,text\n3,c\n")
    try files.put(log, "id,text\n4,d\n")
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n3,c\n4,d\n")
    #expect(reasons(world) == ["out_of_sight"])
  }

  @Test(
    "rotate 4 with compress and delaycompress, by create or by copytruncate, the agent started anew or not: no alarm",
    arguments: [true, false], [true, false])
  func ordinary(copies: Bool, restarts: Bool) async throws {
    let files = SimMachine().files
    let world = try world(files)
    var engine = world.makeEngine()
    var expected = ""
    for round in 1...8 {
      try files.append(to: files.text(of: log) == nil ? make(files) : log, "\(round),a\n")
      if files.text(of: log)?.hasPrefix("id") != true {
        try files.outside { try $0.put("/logs/a.csv", "id,text\n\(round),a\n") }
      }
      try await world.settle(&engine, flush: true)
      try files.append(to: log, "\(round),b\n")
      expected += "\(round),a\n\(round),b\n"
      // Down for one rotation, every other time.
      if restarts, round.isMultiple(of: 2) { try await world.settle(&engine, flush: true) }
      try rotate(files, copies: copies)
      if restarts { engine = world.makeEngine() }
    }
    try await world.settle(&engine, flush: true)
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == expected)
    #expect(reasons(world).isEmpty, "\(world.events.all(.sourceGap).map(\.message))")
    #expect(try gaps(world).isEmpty)
  }

  private func make(_ files: SimFiles) throws -> FilePath {
    try files.put(log, "id,text\n")
    return log
  }

  private func rotate(_ files: SimFiles, copies: Bool) throws {
    if files.text(of: "/logs/a.csv.4.gz") != nil { try files.take("/logs/a.csv.4.gz") }
    for number in [3, 2] where files.snapshot.bytes(of: FilePath("/logs/a.csv.\(number).gz")) != nil {
      try files.outside {
        try $0.rename(
          FilePath("/logs/a.csv.\(number).gz"), to: FilePath("/logs/a.csv.\(number + 1).gz"))
      }
    }
    if let text = files.text(of: "/logs/a.csv.1") {
      let packed = try gzip(text)
      try files.outside { try $0.put("/logs/a.csv.2.gz", packed) }
      try files.take("/logs/a.csv.1")
    }
    let text = files.text(of: log) ?? ""
    if copies {
      try files.put("/logs/a.csv.1", text)
      try files.outside { try $0.truncate("/logs/a.csv") }
    } else {
      try files.outside { try $0.rename("/logs/a.csv", to: "/logs/a.csv.1") }
    }
  }

  @Test("Logs of days that are cleaned up while the agent is away, and closed files: no alarm")
  func cleaned() async throws {
    for (rotation, isTold) in [
      (StreamSettings.Rotation.follow, false), (.closed, false), (.follow, true),
    ] {
      let files = SimMachine().files
      let world = try world(files, rotation, logs: ["/logs/log-*.csv"])
      var engine = world.makeEngine()
      for day in 10...12 {
        try files.put(FilePath("/logs/log-202603\(day).csv"), "id,text\n\(day),a\n")
        try await world.settle(&engine, flush: true)
      }
      try files.take("/logs/log-20260310.csv")
      try files.take("/logs/log-20260311.csv")
      if isTold { try files.take("/logs/log-20260312.csv") }
      engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      #expect(reasons(world) == (isTold ? ["out_of_sight"] : []))
    }
  }

  @Test("A log that was empty when it was seen last, and was rotated and packed since: no alarm")
  func empty() async throws {
    let files = SimMachine().files
    try files.put(log, "")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    for (number, name) in [(1, "/logs/a.csv.2.gz"), (2, "/logs/a.csv.1.gz")] {
      let packed = try gzip("id,text\n\(number),a\n")
      try files.outside { try $0.put(FilePath(name), packed) }
    }
    try files.take(log)
    try files.put(log, "id,text\n3,a\n")
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n2,a\n3,a\n")
    #expect(reasons(world).isEmpty)
  }

  @Test("A packed log that is damaged is named where what it held is missed")
  func damaged() async throws {
    let files = SimMachine().files
    try files.put(log, "id,text\n1,a\n")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let packed = try await PackingTests.packed("id,text\n1,a\n2,b\n", .xz)
    try files.take(log)
    try files.outside { try $0.put("/logs/a.csv.1.xz", Array(packed.dropLast(4))) }
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    let told = world.events.all(.sourceGap).map(\.message)
    #expect(told.count == 1)
    #expect(
      told.first?.contains("/logs/a.csv.1.xz: xz says that it is damaged, or not whole") == true,
      "\(told)")
  }

  // MARK: - Rotated into another folder

  private func olddir(_ files: any Files, isSet: Bool, ledger: Ledger? = nil) throws -> World {
    try World(
      files, logs: ["/logs/a.csv"], ledger: ledger,
      change: {
        $0.streams[0].rotation = .follow
        if isSet { $0.streams[0].olddir = ["/old"] }
      })
  }

  @Test(
    "Rotated into olddir, or into a folder below without being told of it, packed or not, seen or not: all is read, once",
    arguments: [true, false], [nil, Packing.gzip, .xz])
  func rotatedAway(isSet: Bool, packing: Packing?) async throws {
    let folder = isSet ? "/old" : "/logs/old"
    for isAway in [false, true] {
      let files = SimMachine().files
      try files.put(FilePath("\(folder)/a.csv.9"), "id,text\n0,history\n")
      try files.put(log, "id,text\n1,a\n")
      let world = try olddir(files, isSet: isSet)
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      files.outside { $0.now = world.now.wall.nanoseconds }
      try files.append(to: log, "2,b\n")
      let (first, second) = ("id,text\n1,a\n2,b\n", "id,text\n3,c\n")
      if let packing {
        let suffix = String(decoding: packing.suffix, as: UTF8.self)
        let (one, two) = (
          try await PackingTests.packed(first, packing),
          try await PackingTests.packed(second, packing)
        )
        try files.take(log)
        try files.outside { disk in
          try disk.put(FilePath("\(folder)/a.csv.2\(suffix)"), one)
          try disk.put(FilePath("\(folder)/a.csv.1\(suffix)"), two)
        }
      } else {
        try files.outside { try $0.rename("/logs/a.csv", to: FilePath("\(folder)/a.csv.2")) }
        try files.put(FilePath("\(folder)/a.csv.1"), second)
      }
      try files.put(log, "id,text\n4,d\n")
      if isAway { engine = world.makeEngine() }
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n", "away: \(isAway)")
      #expect(reasons(world).isEmpty)
      // And so on, whoever knows of it.
      engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n")
    }
  }

  @Test("olddir that is set later: what lay there by then is not sent")
  func later() async throws {
    let files = SimMachine().files
    try files.put("/old/a.csv.2", "id,text\n0,history\n")
    try files.put("/old/a.csv.1", "id,text\n0,more of it\n")
    try files.put(log, "id,text\n1,a\n")
    let before = try olddir(files, isSet: false)
    var engine = before.makeEngine()
    try await before.settle(&engine, flush: true)
    let after = try olddir(files, isSet: true, ledger: before.ledger)
    engine = after.makeEngine()
    try await after.settle(&engine, flush: true)
    try files.append(to: log, "2,b\n")
    try files.outside { try $0.rename("/logs/a.csv", to: "/old/a.csv.0") }
    try await after.settle(&engine, flush: true)
    #expect(try before.sent() + after.sent() == "1,a\n2,b\n")
  }
}
