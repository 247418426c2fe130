import Config
import Core
import Files
import Inbound
import Journal
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("Where keys lie while they are sorted")
struct SpillTests {
  private func rig(_ files: (any Files)? = nil, minFree: UInt64 = 0) throws -> Rig {
    try Rig(files: files, minFree: minFree) { $0.unique = FeedSettings.Unique(columns: ["id"]) }
  }

  /// More rows than are sorted in memory.
  private var table: String { "id,x\n" + (0..<150_000).map { "\($0),1\n" }.joined() }

  @Test("Room that min_free keeps is not taken for them: the drop waits, and goes on when there is room")
  func minFree() throws {
    let disk = TouchyFiles()
    let rig = try rig(disk, minFree: 1 << 20)
    try rig.land("a.csv", table)
    disk.setFree(1 << 20 + 4_096)
    #expect(try rig.run(3).handedOver == 0)
    #expect(try rig.drops(.claimed).count == 1)
    #expect(rig.events.all.contains { $0.message.contains("limits.min_free is 1048576") })
    disk.setFree(nil)
    rig.pass(.seconds(60))
    #expect(try rig.run(2).handedOver == 1)
  }

  @Test("They are gone after the check; what a killed agent has left is gone at the next start")
  func removed() throws {
    let rig = try rig()
    let folder = rig.spool.root.appending("rows")
    try rig.land("a.csv", table)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.files.info(folder) == nil || rig.names(in: folder).isEmpty)
    try rig.files.ensureDirectory(folder)
    try rig.put(folder.appending("20260312T060000Z-000001.sort-1"), [1, 2, 3])
    rig.restart()
    try rig.run()
    #expect(try rig.files.info(folder) == nil || rig.names(in: folder).isEmpty)
  }

  @Test("A key that comes again far behind is found, whatever lies between")
  func farBehind() throws {
    let rig = try rig()
    try rig.land("a.csv", table + "7,2\n")
    #expect(try rig.run().quarantined == 1)
    let rows = try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.row)
    #expect(rows == [8, 150_001])
  }
}
