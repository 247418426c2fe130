import Config
import Core
import Files
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Outbound, a header in the middle of a log")
struct HeaderAgainTests {
  private static let rotations: [StreamSettings.Rotation] = [.rename, .copytruncate, .follow, .closed]

  /// The texts of all objects, in the order of their keys.
  private func texts(_ world: World) throws -> [String] {
    try world.store.keys.sorted().map { try gunzip(world.store.bytes(at: $0) ?? []) }
  }

  @Test("The same one again is left out", arguments: rotations)
  func again(rotation: StreamSettings.Rotation) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\nid,text\r\nid,text\n2,b\n\"id\",\"text\"\n3,c\nid,text\n")
    let world = try World(files, change: { $0.streams[0].rotation = rotation })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try texts(world) == ["id,text\n1,a\n2,b\n3,c\n"], "\(rotation)")
  }

  @Test("Another one closes the batch, and what follows goes under its own columns", arguments: rotations)
  func another(rotation: StreamSettings.Rotation) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\nid,text,more\n2,b,x\n3,c,y\nid,text\n4,d\n")
    let world = try World(
      files,
      change: {
        $0.streams[0].rotation = rotation
        $0.streams[0].batch.maxRows = 1
      })
    // Each life seals a part of it.
    for _ in 0..<6 {
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
    }
    #expect(
      try texts(world) == ["id,text\n1,a\n", "id,text,more\n2,b,x\n", "id,text,more\n3,c,y\n", "id,text\n4,d\n"],
      "\(rotation)")
  }

  @Test("A log that grows under another header is known by it after a restart, and where the ledger was lost")
  func restarts() async throws {
    for isLost in [false, true] {
      let files = SimMachine().files
      try files.put("/logs/a.csv", "id,text\n1,a\nid,text,more\n2,b,x\n")
      let world = try World(files, change: { $0.streams[0].rotation = .follow })
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      try files.append(to: "/logs/a.csv", "3,c,y\n")
      let after = isLost ? try World(files, change: { $0.streams[0].rotation = .follow }) : world
      if isLost {
        try OutboundRebuild(state: StateFolder("/state"), files: files).fill(after.ledger, at: after.now.wall)
      }
      var next = after.makeEngine()
      try await after.settle(&next, flush: true)
      #expect(
        try texts(world) + (isLost ? texts(after) : []) == [
          "id,text\n1,a\n", "id,text,more\n2,b,x\n", "id,text,more\n3,c,y\n",
        ],
        "\(isLost)")
    }
  }

  @Test("A log that was emptied under its writer goes on under the header that was in force")
  func emptied() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\nid,text,more\n2,b,x\n")
    let world = try World(files, change: { $0.streams[0].rotation = .copytruncate })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(files.text(of: "/logs/a.csv") == "id,text\n")
    try files.append(to: "/logs/a.csv", "3,c,y\n")
    var next = world.makeEngine()
    try await world.settle(&next, flush: true)
    #expect(try texts(world) == ["id,text\n1,a\n", "id,text,more\n2,b,x\n", "id,text,more\n3,c,y\n"])
  }

  @Test("Logs that hold a header alone leave nothing due behind, however many there are")
  func headersAlone() async throws {
    let files = SimMachine().files
    for number in 1...3 { try files.put(FilePath("/logs/\(number).csv"), "id,t\(number)\n1,a\n") }
    for number in 4...9 { try files.put(FilePath("/logs/\(number).csv"), "id,t\(number)\n") }
    let world = try World(files, change: { $0.streams[0].rotation = .closed })
    var engine = world.makeEngine()
    engine.flush()
    for _ in 0..<12 {
      _ = try engine.pass(at: world.now)
      world.wait(.seconds(1))
    }
    #expect(!engine.isCatchingUp && world.events.all(.batchSealed).count == 3)
  }

  @Test("Values that are the names of columns make no header of a row")
  func rows() async throws {
    let files = SimMachine().files
    let rows = "id,x\ny,text\nid,other\n1,id\n"
    try files.put("/logs/a.csv", "id,text\n" + rows)
    let world = try World(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == rows)
  }

  @Test("Text in UTF-16 is refused by its name")
  func encoding() async throws {
    let files = SimMachine().files
    var text: [UInt8] = [0xff, 0xfe]
    for byte in "id,text\n1,a\n".utf8 { text += [byte, 0] }
    let utf16 = text
    try files.outside { try $0.put("/logs/a.csv", utf16) }
    let world = try World(files, change: { $0.streams[0].rotation = .follow })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(world.store.keys.isEmpty)
    #expect(
      world.events.all(.logWaiting).contains {
        $0.message.contains("UTF-16") && $0.message.contains("encoding: utf-16")
      })
  }
}
