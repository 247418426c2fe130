import Config
import Core
import Files
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("A log belongs to one stream")
struct OwnershipTests {
  private func world(_ files: any Files, _ rotation: StreamSettings.Rotation, start: StreamSettings.Start = .beginning)
    throws -> World
  {
    let change: (inout Settings) -> Void = { settings in
      var clicks = settings.streams[0]
      if let name = StreamName("clicks") { clicks.name = name }
      clicks.logs = ["/clicks/*.csv"]
      settings.streams.append(clicks)
      for index in settings.streams.indices {
        settings.streams[index].rotation = rotation
        settings.streams[index].start = start
      }
    }
    return try World(files, change: change)
  }

  private func twice(_ files: SimFiles) throws {
    try files.outside { try $0.makeFolder("/clicks") }
    try files.link("/logs/a.csv", as: "/clicks/a.csv")
  }

  @Test(
    "One file by two paths is sent by the stream that saw it first, and the other says so once",
    arguments: [StreamSettings.Rotation.follow, .closed, .rename, .copytruncate])
  func once(rotation: StreamSettings.Rotation) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
    try twice(files)
    try files.put("/clicks/own.csv", "id,text\n9,own\n")
    let world = try world(files, rotation)
    var engines = [world.makeEngine(0), world.makeEngine(1)]
    try await world.settle(&engines)
    #expect(try world.sent(below: "opens/") == "1,a\n2,b\n")
    #expect(try world.sent(below: "clicks/") == "9,own\n")
    let waiting = world.events.all(.logWaiting)
    #expect(waiting.count == 1)
    #expect(waiting.first?.message.contains("stream opens reads the same file") == true)
    // The same after a start, in another order.
    if rotation != .closed, rotation != .rename { try files.append(to: "/logs/a.csv", "3,c\n") }
    engines = [world.makeEngine(1), world.makeEngine(0)]
    try await world.settle(&engines)
    #expect(try world.sent(below: "opens/").contains("1,a\n2,b\n"))
    #expect(try world.sent(below: "clicks/") == "9,own\n")
    #expect(engines[0].isInTrouble == (files.text(of: "/clicks/a.csv") != nil))
  }

  @Test("What rotation makes of another stream's log is that stream's, too")
  func packed() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try twice(files)
    let world = try world(files, .follow)
    var engines = [world.makeEngine(0), world.makeEngine(1)]
    try await world.settle(&engines)
    try files.append(to: "/logs/a.csv", "2,b\n")
    let packed = try gzip(files.text(of: "/logs/a.csv") ?? "")
    try files.outside { disk in
      try disk.put("/logs/a.csv.1.gz", packed)
      try disk.put("/clicks/a.csv.1.gz", packed)
      try disk.truncate("/logs/a.csv")
    }
    try files.append(to: "/logs/a.csv", "id,text\n3,c\n")
    try await world.settle(&engines)
    #expect(try world.sent(below: "opens/") == "1,a\n2,b\n3,c\n")
    #expect(try world.sent(below: "clicks/") == "")
  }

  @Test("start: end leaves a log of another stream to that one")
  func end() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try twice(files)
    let world = try world(files, .follow, start: .end)
    var engines = [world.makeEngine(0), world.makeEngine(1)]
    try await world.settle(&engines)
    try files.append(to: "/logs/a.csv", "2,b\n")
    engines = [world.makeEngine(1), world.makeEngine(0)]
    try await world.settle(&engines)
    #expect(try world.sent(below: "opens/") == "2,b\n")
    #expect(try world.sent(below: "clicks/") == "")
  }

  @Test("A stream that is no longer configured keeps nothing, and one whose log is gone neither")
  func left() async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    try twice(files)
    let world = try world(files, .follow)
    var engines = [world.makeEngine(0)]
    try await world.settle(&engines)
    let alone = try World(
      files, ledger: world.ledger,
      change: {
        $0 = world.settings
        $0.streams.removeFirst()
      })
    engines = [alone.makeEngine(0)]
    try await alone.settle(&engines)
    #expect(try alone.sent(below: "clicks/") == "1,a\n")
  }
}
