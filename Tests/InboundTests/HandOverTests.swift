import Config
import Core
import Files
import Glibc
import Inbound
import Ledger
import Spool
import SystemPackage
import Testing

@testable import FeedKit

@Suite("From landing to the hand-over folder, on a real disk")
struct HandOverTests {
  @Test(
    "A good file is handed over whole, once, and archived",
    arguments: [Rig.Layout.landingElsewhere, .handoverElsewhere, .oneMount])
  func good(layout: Rig.Layout) throws {
    let rig = try Rig(layout)
    try rig.land("audience.csv", Sample.table)
    #expect(try rig.run(1).handedOver == 0, "it has to settle first")
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handedOver == ["audience.csv"])
    #expect(try rig.handed("audience.csv") == Sample.table)
    #expect(try rig.landed.isEmpty)
    let id = try #require(try rig.drops(.archive).first)
    let plan = try rig.plan(.archive, id)
    #expect(plan.rows == 3 && plan.archivedAsHandedOverAt != nil && plan.parts[0].finalName == FileName("audience.csv"))
    #expect(try rig.text(rig.spool.path(.archive, id).appending("parts/audience.csv")) == Sample.table)
    let record = try #require(try rig.record(id))
    #expect(record.outcome == .accepted && record.rows == 3 && record.handedOverAt != nil)
    #expect(rig.events.count(.dropSeen) == 1 && rig.events.count(.dropHandedOver) == 1)
    let event = try #require(rig.events.first(.dropHandedOver))
    #expect(event.fields[.bytes] == "\(Sample.table.utf8.count)" && event.fields[.rows] == "3")
    #expect(try rig.run(4).handedOver == 0, "a quiet pass does nothing")
    #expect(rig.events.all.count == 2)
  }

  @Test("Audiences of one name in several folders keep apart by {folder}")
  func folders() throws {
    let rig = try Rig { ($0.recursive, $0.handoverName) = (true, "{folder}_{name}") }
    for (number, folder) in ["vip", "lapsed/2026"].enumerated() {
      try rig.files.ensureDirectory(rig.settings.landing.appending(folder))
      try rig.put(rig.settings.landing.appending("\(folder)/a.csv"), Array("id\n\(number)\n".utf8))
    }
    try rig.land("a.csv", Sample.table)
    try rig.run(3)
    #expect(try rig.handedOver == ["a.csv", "lapsed_2026_a.csv", "vip_a.csv"])
    #expect(try rig.handed("lapsed_2026_a.csv") == "id\n1\n")
  }

  @Test(
    "What is handed over has the group of its folder, but where the feed says another", .enabled(if: geteuid() == 0))
  func folderGroup() throws {
    for (configured, expected) in [(nil, 65_534), ("daemon", 1)] as [(String?, UInt32)] {
      let rig = try Rig { $0.group = configured }
      #expect(chown(rig.settings.handover.string, 0, 65_534) == 0)
      try rig.land("a.csv", Sample.table)
      #expect(try rig.run().handedOver == 1)
      let handed = try #require(try rig.files.info(rig.settings.handover.appending("a.csv")))
      #expect(handed.group == expected && handed.mode.rawValue & 0o777 == 0o660)
    }
  }

  @Test("Two feeds that share a hand-over folder keep each other's files")
  func sharedFolder() throws {
    let one = try Rig()
    let shared = one.settings.handover
    let other = try Rig { $0.handover = shared }
    for (rig, text) in [(one, Sample.table), (other, Sample.other)] { try rig.land("a.csv", text) }
    // Both have chosen the same name before either takes it.
    try one.run(1)
    try other.run(1)
    #expect(try one.run(1).handedOver == 1 && other.run(1).handedOver == 1)
    #expect(try one.handedOver == ["a-2.csv", "a.csv"])
    one.restart()
    other.restart()
    try one.run(1)
    try other.run(1)
    #expect(try Set([one.handed("a.csv"), one.handed("a-2.csv")]) == [Sample.table, Sample.other])
  }

  @Test("Archive and consumer never share a file, and the consumer's has the configured mode")
  func ownFile() throws {
    let rig = try Rig { $0.mode = 0o664 }
    try rig.land("a.csv", Sample.table)
    try rig.run()
    let handed = try #require(try rig.files.info(rig.settings.handover.appending("a.csv")))
    let id = try rig.drops(.archive)[0]
    let kept = try #require(try rig.files.info(rig.spool.path(.archive, id).appending("parts/a.csv")))
    #expect(handed.inode != kept.inode && handed.links == 1)
    #expect(handed.mode.rawValue == 0o664)
  }

  // To be an unprivileged user for a while is a state of the whole process, and other tests run beside this one: that a lease may
  // be refused is tried on the simulated disk instead.
  @Test("Files of another user are taken, and owner and group are set", .enabled(if: geteuid() == 0))
  func foreignOwner() throws {
    let rig = try Rig(.landingElsewhere) { ($0.owner, $0.group) = ("daemon", "daemon") }
    try rig.land("a.csv", Sample.table)
    #expect(chown(rig.settings.landing.appending("a.csv").string, 65_534, 65_534) == 0)
    try rig.run()
    let handed = try #require(try rig.files.info(rig.settings.handover.appending("a.csv")))
    #expect(handed.owner == 1 && handed.group == 1)
    #expect(try rig.landed.isEmpty)
  }

  @Test("Unfinished names, folders, links and FIFOs are left alone")
  func leftAlone() throws {
    let rig = try Rig { $0.exclude = ["test-*"] }
    for name in [".hidden.csv", "a.csv.part", "a.csv~", "test-a.csv"] { try rig.land(name, Sample.table) }
    let landing = rig.settings.landing
    try rig.files.makeDirectory(landing.appending("folder.csv"), mode: .stateDirectory)
    #expect(symlink("/etc/hostname", landing.appending("link.csv").string) == 0)
    #expect(mkfifo(landing.appending("fifo.csv").string, 0o600) == 0)
    try rig.run(3)
    #expect(try rig.landed.count == 7)
    #expect(try rig.handedOver.isEmpty && rig.drops(.claimed).isEmpty)
  }

  @Test("A name that is not UTF-8 keeps its bytes", arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func rawName(layout: Rig.Layout) throws {
    let rig = try Rig(layout)
    let name = FileName(bytes: [0xe4, 0x20] + Array("b.csv".utf8))
    try rig.put(rig.settings.landing.appending(name), Array(Sample.table.utf8))
    try rig.run()
    #expect(try rig.files.list(rig.settings.handover) == [name])
  }

  @Test("Names follow the template")
  func template() throws {
    let rig = try Rig { $0.handoverName = "{feed}_{utc}_{stem}.{ext}" }
    try rig.land("a.csv", Sample.table)
    try rig.run()
    #expect(try rig.handedOver == ["audiences_20260312T060003Z_a.csv"])
  }

  @Test("A name that cannot be made holds the drop")
  func badName() throws {
    let rig = try Rig { $0.handoverName = "{feed}_{name}" }
    try rig.land(String(repeating: "x", count: 250), Sample.table)
    #expect(try rig.run().held == 1)
    #expect(try rig.reasons(.held, rig.drops(.held).first ?? "")[0].code == .badName)
  }

  @Test(
    "A file that somebody writes is left until he has closed it", arguments: [Rig.Layout.oneMount, .landingElsewhere])
  func openWriter(layout: Rig.Layout) throws {
    let rig = try Rig(layout)
    let path = rig.settings.landing.appending("a.csv")
    var writer: (any WritableFile)? = try rig.files.create(path, mode: .init(rawValue: 0o644))
    try Array("id,email\n1,a\n".utf8).withUnsafeBufferPointer { try writer!.write(UnsafeRawBufferPointer($0)) }
    try rig.run(5)
    #expect(try rig.landed == ["a.csv"])
    rig.pass(.seconds(60))
    try rig.run(3)
    #expect(rig.events.count(.dropWaiting) == 1, "people hear of it once")
    try Array("2,b\n".utf8).withUnsafeBufferPointer { try writer!.write(UnsafeRawBufferPointer($0)) }
    writer = nil
    try rig.run(3)
    #expect(try rig.handed("a.csv") == "id,email\n1,a\n2,b\n")
  }

  @Test("A hard link elsewhere does not reach what we hold")
  func hardLink() throws {
    let rig = try Rig()
    let outside = rig.base.appending("outside.csv")
    try rig.land("a.csv", Sample.table)
    try rig.files.link(rig.settings.landing.appending("a.csv"), as: outside)
    try rig.run()
    let kept = rig.spool.path(.archive, try rig.drops(.archive)[0]).appending("parts/a.csv")
    #expect(try rig.files.info(kept)?.inode != rig.files.info(outside)?.inode)
    #expect(try rig.landed.isEmpty)
  }

  @Test("A file that is replaced while it settles settles anew, and only its last content is handed over")
  func replaced() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.run(1)
    try rig.land("a.csv", Sample.other)
    try rig.run(1)
    #expect(try rig.handedOver.isEmpty)
    try rig.run()
    #expect(try rig.handed("a.csv") == Sample.other)
    #expect(rig.events.count(.dropSeen) == 1)
  }

  @Test("The same name with new content is a new drop")
  func sameName() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.run()
    try rig.files.remove(rig.settings.handover.appending("a.csv"))
    try rig.land("a.csv", Sample.other)
    try rig.run()
    #expect(try rig.handed("a.csv") == Sample.other)
    #expect(try rig.drops(.archive).count == 2)
  }

  @Test("A taken name: rename gives numbers")
  func collisionRename() throws {
    let rig = try Rig()
    for number in 1...3 {
      try rig.land("x.csv", "id\n\(number)\n")
      try rig.run()
    }
    #expect(try rig.handedOver == ["x-2.csv", "x-3.csv", "x.csv"])
    #expect(try rig.handed("x-3.csv") == "id\n3\n")
  }

  @Test("A taken name: replace replaces")
  func collisionReplace() throws {
    let rig = try Rig(.handoverElsewhere) { $0.collision = .replace }
    for number in 1...2 {
      try rig.land("x.csv", "id\n\(number)\n")
      try rig.run()
    }
    #expect(try rig.handedOver == ["x.csv"])
    #expect(try rig.handed("x.csv") == "id\n2\n")
  }

  @Test("A taken name: fail holds the drop and touches nothing")
  func collisionFail() throws {
    let rig = try Rig { $0.collision = .fail }
    try rig.land("x.csv", Sample.table)
    try rig.run()
    try rig.land("x.csv", Sample.other)
    #expect(try rig.run().held == 1)
    #expect(try rig.handed("x.csv") == Sample.table)
    #expect(try rig.handedOver == ["x.csv"], "nothing staged is left")
    let id = try rig.drops(.held)[0]
    #expect(try rig.reasons(.held, id)[0].code == .nameTaken)
    #expect(try rig.record(id)?.outcome == .held)
    #expect(rig.events.count(.dropHeld) == 1)
  }

  @Test("Many drops at once all arrive")
  func many() throws {
    let rig = try Rig(.landingElsewhere)
    for number in 0..<300 { try rig.land("f\(number).csv", "id\n\(number)\n") }
    #expect(try rig.run().handedOver == 300)
    #expect(try rig.handedOver.count == 300)
    #expect(try rig.handed("f299.csv") == "id\n299\n")
  }
}
