import Config
import Core
import Files
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("What of the logs is not sent yet, as status sees it without the agent")
struct SurveyTests {
  private func survey(_ world: World, _ ledger: Ledger?, after: Duration = .zero) throws
    -> OutboundSurvey
  {
    try OutboundSurvey(
      world.settings.streams[0], state: StateFolder(world.settings.state), files: world.files,
      ledger: ledger,
      at: Timestamp(nanoseconds: 4_000_000_000_000_000_000) + after)
  }

  private func world(
    _ files: any Files, _ rotation: StreamSettings.Rotation,
    _ start: StreamSettings.Start = .beginning
  ) throws -> World {
    try World(
      files,
      change: {
        $0.streams[0].rotation = rotation
        $0.streams[0].start = start
      })
  }

  @Test(
    "Before the first pass: all that is to be sent, as old as its log; and nothing that will not be",
    arguments: StreamSettings.Rotation.allCases, [true, false])
  func first(rotation: StreamSettings.Rotation, hasLedger: Bool) throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n")
    let world = try world(files, rotation)
    let found = try survey(world, hasLedger ? world.ledger : nil)
    #expect(found.bytes == 8 && found.fault == nil)
    #expect(
      found.oldest
        == (try files.info("/logs/a.csv")).map { Timestamp(nanoseconds: $0.born ?? $0.modified) })
    let end = try survey(self.world(files, rotation, .end), hasLedger ? world.ledger : nil)
    #expect(end.bytes == 0 && end.oldest == nil)
  }

  @Test(
    "While the agent is down: logs that came since count, whether or not they were rotated",
    arguments: [true, false])
  func down(isRotated: Bool) async throws {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n")
    let world = try world(files, .follow, .end)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try survey(world, world.ledger).bytes == 0)
    try files.append(to: "/logs/a.csv", "2,b\n")
    if isRotated { try files.outside { try $0.rename("/logs/a.csv", to: "/logs/a.csv.1") } }
    try files.put(isRotated ? "/logs/a.csv" : "/logs/b.csv", "id,text\n3,c\n4,d\n")
    #expect(try survey(world, world.ledger).bytes == 12)
  }
}
