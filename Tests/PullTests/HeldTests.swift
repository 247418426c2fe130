import Config
import Core
import Files
import Journal
import Ledger
import Store
import Stores
import SystemPackage
import TestKit
import Testing
import Threads

@testable import FeedKit
@testable import Pull

@Suite("One object that cannot be fetched stops only itself")
struct HeldTests {
  private func object(_ name: String, size: Int, tag: String? = "t") -> ListedObject {
    ListedObject(key: "audiences/\(name)", size: UInt64(size), tag: tag, modified: nil)
  }

  private func told(_ puller: Puller, _ kind: EventKind = .dropWaiting) -> [Event] {
    puller.rig.events.all.filter { $0.kind == kind && $0.fields[.key] != nil }
  }

  private func fault(_ puller: Puller) throws -> String? {
    let name = puller.rig.settings.name
    return try puller.rig.ledger.read { (t) throws(LedgerFault) in try t.pulls.standing(name) }?.fault
  }

  @Test("one for which there is no room is told once and passed over; it is fetched when there is")
  func noRoom() async throws {
    let files = TouchyFiles()
    files.setFree(1_000)
    let puller = try Puller(files: files)
    // The first by its key.
    puller.put("id,email\n" + String(repeating: "1,a\n", count: 400), at: "a.csv")
    puller.put(Sample.table, at: "b.csv")
    try await puller.turn(40)
    #expect(try puller.rig.handedOver == ["b.csv"])
    #expect(told(puller, .diskLow).map { $0.fields[.key] } == ["audiences/a.csv"])
    #expect(try fault(puller)?.contains("1609 bytes to be fetched, 1000 free") == true)
    #expect(puller.engine.isWaiting)
    files.setFree(nil)
    puller.rig.pass(Limits.pullRest)
    try await puller.turn(5)
    #expect(try puller.rig.handedOver == ["a.csv", "b.csv"])
    #expect(try fault(puller) == nil && !puller.engine.isWaiting)
  }

  @Test(
    "a folder of a store that may not be listed is told once and passed over; what lies in it is fetched when it may be"
  )
  func barredFolder() async throws {
    let disk = TouchyFiles()
    let puller = try Puller { $0.recursive = true }
    let shelf = puller.rig.base.appending("remote")
    let shut = shelf.appending("audiences/shut")
    for (folder, name, text) in [
      (shelf.appending("audiences"), "a.csv", Sample.table), (shut, "b.csv", Sample.other),
      (shelf.appending("audiences/z"), "c.csv", Sample.table + "9,z\n"),
    ] {
      try LinuxFiles().ensureDirectory(folder)
      try LinuxFiles().put(text, at: folder.appending(FileName(name)))
    }
    puller.remote = LocalStore(shelf, files: disk)
    disk.refuse(.list, below: shut, .denied)
    try await puller.turn(20)
    #expect(try puller.rig.handedOver == ["a.csv", "c.csv"])
    #expect(told(puller).map { $0.fields[.key] } == ["audiences/shut/"], "once, not at each list")
    #expect(try fault(puller)?.contains("audiences/shut/") == true && puller.engine.isWaiting)
    // Whoever needs the whole list hears that there is none.
    await #expect(throws: StoreFault.self) { try await puller.remote.list("audiences/") { _ in } }
    // The feed's own folder is not one of several.
    await #expect(throws: StoreFault.self) {
      try await puller.remote.list("audiences/shut/", depth: 8, barred: { _ in }) { _ in }
    }
    disk.allow()
    try await puller.turn(20)
    #expect(try puller.rig.handedOver == ["a.csv", "b.csv", "c.csv"])
    #expect(try fault(puller) == nil && !puller.engine.isWaiting)
    #expect(told(puller).count == 1)
  }

  @Test("one that the feed would refuse for its size is not fetched, unless it is packed")
  func tooLarge() async throws {
    let puller = try Puller { $0.require.maxBytes = 30 }
    puller.put(String(repeating: Sample.table, count: 3), at: "a.csv")
    puller.store.put([UInt8](repeating: 1, count: 40), at: "audiences/a.csv.GZ")
    puller.put(Sample.other, at: "b.csv")
    try await puller.turn(9)
    #expect(puller.fetched == 2)
    #expect(told(puller).map { $0.fields[.key] } == ["audiences/a.csv"])
    #expect(told(puller).map { $0.fields[.reason] } == ["too_large"])
    #expect(try puller.rig.handedOver == ["b.csv"])
  }

  @Test("one that never ends is cut off and tried again later and later; the others are fetched at once")
  func endless() async throws {
    let puller = try Puller()
    let listed = [object("a.csv", size: 5), object("b.csv", size: Sample.table.utf8.count)]
    puller.remote = LyingStore(files: puller.rig.files, objects: { listed }) { key in (Sample.table, "t") }
    try await puller.turn(4)
    #expect(try puller.rig.handedOver == ["b.csv"])
    #expect(told(puller).map { $0.fields[.reason] } == ["mismatch"])
    #expect(try fault(puller)?.contains("more than the 5 bytes") == true)
    try await puller.turn(200)
    // After 2, 4, 8 s and so on: 9 times in 10 minutes, not 200.
    #expect((6...12).contains(puller.fetched), "\(puller.fetched)")
    #expect(told(puller).count == 1)
    #expect(try puller.rig.landed.isEmpty, "nothing is left of it")
    #expect(puller.rig.events.count(.lanePaused) == 0)
  }

  @Test("a list and answers that disagree for ever are told once and asked less and less", arguments: [true, false])
  func disagreement(isOfSize: Bool) async throws {
    let puller = try Puller()
    let bytes = Sample.table.utf8.count
    let listed = Locked([object("a.csv", size: isOfSize ? bytes + 9 : bytes, tag: "old")])
    puller.remote = LyingStore(files: puller.rig.files, objects: { listed.withLock { $0 } }) { _ in
      (Sample.table, isOfSize ? "old" : "new")
    }
    try await puller.turn(200)
    #expect((6...12).contains(puller.fetched), "\(puller.fetched)")
    #expect(told(puller).map { $0.fields[.reason] } == ["changed"])
    #expect(try fault(puller)?.contains("disagree") == true)
    // The list tells of the new version: it is fetched at once.
    listed.withLock { $0 = [object("a.csv", size: bytes, tag: isOfSize ? "old" : "new")] }
    try await puller.turn(5)
    #expect(try puller.rig.handedOver == ["a.csv"])
    #expect(try fault(puller) == nil)
  }

  @Test("a store whose list tells another tag each time is asked at the feed's pace")
  func restless() async throws {
    let puller = try Puller { $0.pull?.every = .seconds(60) }
    let number = Counter()
    let bytes = Sample.table.utf8.count
    puller.remote = LyingStore(
      files: puller.rig.files, objects: { [object("a.csv", size: bytes, tag: "\(number.next())")] }
    ) { _ in (Sample.table, "x") }
    try await puller.turn(200)
    #expect(puller.fetched < 25, "\(puller.fetched) in 10 minutes")
    #expect(told(puller).count == 1)
  }

  @Test("one that is refused, or forbidden, rests; what is gone from the list is forgotten", arguments: [true, false])
  func refused(isForbidden: Bool) async throws {
    let puller = try Puller()
    let bytes = Sample.table.utf8.count
    let listed = Locked([object("a.csv", size: bytes), object("b.csv", size: bytes)])
    puller.remote = LyingStore(files: puller.rig.files, objects: { listed.withLock { $0 } }) {
      (key) throws(StoreFault) in
      if key.hasSuffix("a.csv") { throw StoreFault(isForbidden ? .denied : .refused, "Cannot get", at: key, why: "no") }
      return (Sample.table, "t")
    }
    try await puller.turn(150)
    #expect(try puller.rig.handedOver == ["b.csv"])
    #expect((3...12).contains(puller.fetched), "\(puller.fetched)")
    #expect(
      told(puller, isForbidden ? .credentialRefused : .dropWaiting).map { $0.fields[.key] } == ["audiences/a.csv"])
    #expect(puller.rig.events.count(.lanePaused) == 0)
    #expect(puller.engine.isWaiting)
    listed.withLock { _ = $0.removeFirst() }
    try await puller.turn(2)
    #expect(!puller.engine.isWaiting)
    #expect(try fault(puller) == nil)
  }

  @Test("one at which the store fails each time does not keep the others, nor tells again and again")
  func failing() async throws {
    let puller = try Puller()
    let bytes = Sample.table.utf8.count
    let listed = Locked([object("a.csv", size: bytes), object("b.csv", size: bytes)])
    puller.remote = LyingStore(files: puller.rig.files, objects: { listed.withLock { $0 } }) {
      (key) throws(StoreFault) in
      if key.hasSuffix("a.csv") { throw StoreFault(.unreachable, "Cannot get", at: key, why: "500") }
      return (Sample.table, "t")
    }
    try await puller.turn(9)
    #expect(try puller.rig.handedOver == ["b.csv"])
    listed.withLock { $0.append(object("c.csv", size: bytes)) }
    try await puller.turn(100)
    #expect(told(puller).count == 1)
    #expect(puller.rig.events.count(.lanePaused) == 1 && puller.rig.events.count(.laneResumed) == 1)
    #expect(puller.fetched < 20)
  }

  @Test("one that cannot be deleted stays; others are fetched and deleted")
  func undeletable() async throws {
    let puller = try Puller { $0.pull?.after = .delete }
    puller.put(Sample.table, at: "a.csv")
    puller.put(Sample.other, at: "b.csv")
    puller.store.set { (step) throws(StoreFault) in
      if step == "delete audiences/a.csv" { throw StoreFault(.denied, "Cannot delete", at: step, why: "403") }
    }
    try await puller.turn(9)
    #expect(puller.store.keys == ["audiences/a.csv"])
    puller.put("id,email\n5,e\n", at: "c.csv")
    try await puller.turn(60)
    #expect(puller.store.keys == ["audiences/a.csv"])
    #expect(try puller.rig.handedOver == ["a.csv", "b.csv", "c.csv"])
    #expect(told(puller, .credentialRefused).count == 1)
    let deletions = puller.works.count {
      if case .delete(let work) = $0 { work.source.key.hasSuffix("a.csv") } else { false }
    }
    #expect(deletions < 6)
    puller.store.set { (_) throws(StoreFault) in }
    puller.rig.pass(.seconds(3_600))
    try await puller.turn(2)
    #expect(puller.store.keys.isEmpty)
  }

  @Test("of a folder with `after: delete`, what a killed deletion left aside is no object")
  func asides() async throws {
    let puller = try Puller { $0.pull?.after = .delete }
    let shelf = puller.rig.base.appending("shelf")
    let folder = shelf.appending("audiences")
    try puller.rig.files.ensureDirectory(folder)
    puller.remote = LocalStore(shelf, files: puller.rig.files)
    for name in [".~a.csv.part", ".a.csv.part"] {
      try puller.rig.put(folder.appending(FileName(name)), Array(Sample.other.utf8))
    }
    try puller.rig.put(folder.appending("a.csv"), Array(Sample.table.utf8))
    try await puller.turn(12)
    #expect(try puller.rig.handedOver == ["a.csv"])
    #expect(try puller.rig.handed("a.csv") == Sample.table)
    #expect(puller.fetched == 1)
    #expect(try puller.rig.files.info(folder.appending("a.csv")) == nil)
  }

  @Test("one whose folder is a file in landing waits; the others get their names")
  func noFolder() async throws {
    let puller = try Puller { $0.recursive = true }
    puller.freezesLane = true
    try puller.rig.land("vip", Sample.other)
    puller.put(Sample.table, at: "vip/a.csv")
    puller.put(Sample.table, at: "z.csv")
    try await puller.turn(6)
    #expect(try puller.rig.landed.filter { !$0.hasPrefix(".") } == ["vip", "z.csv"])
    #expect(told(puller).map { $0.fields[.key] } == ["audiences/vip/a.csv"])
    #expect(puller.rig.events.count(.lanePaused) == 0)
  }

  @Test("A list that tells absurd things is gone through, and what it holds that is sound is fetched")
  func absurd() async throws {
    let puller = try Puller()
    var listed = [
      "", "audiences", "audiences/", "audiences/..", "audiences/../x.csv", "audiences/\u{1}.csv",
      "audiences/\u{fffd}.csv",
    ]
    .map { ListedObject(key: $0, size: 3, tag: "t", modified: nil) }
    listed.append(object(String(repeating: "k", count: 5_000) + ".csv", size: 3))
    for (index, size) in [UInt64(1) << 63, .max, .max - 1].enumerated() {
      listed.append(ListedObject(key: "audiences/huge\(index).csv", size: size, tag: "t", modified: nil))
    }
    let good = object("z.csv", size: Sample.table.utf8.count)
    // Twice the same key.
    listed += [good, good, object("z.csv", size: 4, tag: "u")]
    for time in [Timestamp(nanoseconds: .min), Timestamp(nanoseconds: .max)] {
      listed.append(ListedObject(key: "audiences/t\(time.nanoseconds).csv", size: 24, tag: "t", modified: time))
    }
    let all = listed
    puller.remote = LyingStore(files: puller.rig.files, objects: { all }) { (key) throws(StoreFault) in
      guard key.hasSuffix("z.csv") || key.contains("/t") else {
        throw StoreFault(.refused, "Cannot get", at: "x", why: "404")
      }
      return (Sample.table, "t")
    }
    try await puller.turn(60)
    #expect(try puller.rig.handedOver.contains("z.csv"))
    #expect(puller.fetched < 40, "\(puller.fetched)")
    #expect(puller.rig.events.all.allSatisfy { $0.message.utf8.count < 1_000 })
    #expect(puller.rig.events.all.filter { $0.fields[.reason] == "bad_name" }.count == 2)
  }

  @Test("one that is listed twice, with sizes that are not its own, is asked for less and less, and told")
  func twice() async throws {
    let puller = try Puller()
    let bytes = Sample.table.utf8.count
    puller.remote = LyingStore(
      files: puller.rig.files, objects: { [object("a.csv", size: bytes + 1), object("a.csv", size: bytes + 2)] }
    ) { _ in (Sample.table, "t") }
    try await puller.turn(200)
    #expect((3...20).contains(puller.fetched), "\(puller.fetched) downloads in 10 minutes")
    #expect(told(puller).count == 1)
  }

  @Test("four that cannot be opened at all stop nobody, though the server is asked for them at once")
  func unreadable() async throws {
    let puller = try Puller()
    let bytes = UInt64(Sample.table.utf8.count)
    puller.remote = LyingStore(
      files: puller.rig.files,
      objects: { ["a", "b", "c", "d", "e"].map { object("\($0).csv", size: Int(bytes)) } }
    ) { (key) throws(StoreFault) in
      guard key.hasSuffix("e.csv") else { throw StoreFault(.refused, "Cannot download", at: "lie://x", why: "failure") }
      return (Sample.table, "t")
    }
    try await puller.turn(6)
    #expect(try puller.rig.handedOver == ["e.csv"])
    #expect(told(puller).count == 4 && puller.rig.events.count(.lanePaused) == 0)
  }
}
