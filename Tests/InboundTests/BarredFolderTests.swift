import Files
import SystemPackage
import TestKit
import Testing

@testable import FeedKit
@testable import Inbound

@Suite("A folder below landing that is barred once its files were taken") struct BarredFolderTests {
  @Test("keeps its own drops waiting and no others, and they are not taken twice", arguments: [true, false])
  func others(restarts: Bool) throws {
    let files = TouchyFiles()
    // Copied, not renamed: then an original is left that has to go.
    let rig = try Rig(.landingElsewhere, files: files) { $0.recursive = true }
    let (sub, good) = (rig.settings.landing.appending("sub"), rig.settings.landing.appending("good"))
    for folder in [sub, good] { try files.ensureDirectory(folder) }
    try rig.put(sub.appending("a.csv"), Array(Sample.table.utf8))
    try rig.put(good.appending("b.csv"), Array(Sample.other.utf8))
    files.refuse(.move, below: sub, .denied)
    #expect(try rig.run(2).trouble == nil)
    #expect(try rig.handedOver == ["b.csv"])
    for _ in 0..<3 {
      if restarts { rig.restart() }
      #expect(try rig.run(2).trouble == nil)
    }
    #expect(try rig.drops(.claimed).count == 1 && rig.drops(.archive).count == 1, "taken once")
    #expect(try rig.names(in: sub) == ["a.csv"])
    #expect(rig.events.count(.dropWaiting) == (restarts ? 4 : 1))
    #expect(rig.events.first(.dropWaiting)?.message.contains("\(sub)") == true)
    files.allow()
    #expect(try rig.run(2).handedOver == 1)
    #expect(try rig.handedOver == ["a.csv", "b.csv"] && rig.names(in: sub).isEmpty)
    try rig.put(sub.appending("a.csv"), Array("id,name\n7,Grete\n".utf8))
    #expect(try rig.run(3).handedOver == 1, "its name is free again")
  }
}
