import Core
import Files
import Glibc
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite struct LocalFolderTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let root: FilePath
  private let store: LocalStore

  init() throws {
    folder = try TemporaryFolder()
    root = folder.path.appending("shelf")
    store = LocalStore(root, files: files)
  }

  private func sample(_ size: Int) throws -> StoredFile {
    try StoredFile.sample(at: folder.path.appending("f\(size)"), size: size, seed: 3, files)
  }

  @Test func anyNameIsListedReadAndDeleted() async throws {
    let names = [
      Array("100%.csv".utf8), Array("a%20b".utf8), Array("a%0Ab".utf8), [0x61, 10, 0x62], [0xff, 0x61], Array("ü".utf8),
      Array("a%250Ab".utf8), [0x25], [0x25, 0x30, 0x41],
    ].map { FileName(bytes: $0) }
    for (number, name) in names.enumerated() {
      try files.ensureDirectory(root.appending("in"))
      try files.write([UInt8(number)], to: root.appending("in").appending(name))
    }
    let found = Locked<[ListedObject]>([])
    try await store.list("in/", depth: 0, barred: { _ in }) { page in found.withLock { $0 += page } }
    let objects = found.withLock { $0 }
    #expect(Set(objects.map(\.key)).count == names.count, "each has a key of its own: \(objects.map(\.key))")
    #expect(objects.contains { $0.key == "in/100%.csv" } && objects.contains { $0.key == "in/a%20b" })
    for (number, object) in objects.enumerated() {
      let key = try #require(StoreKey(listed: object.key))
      let copy = folder.path.appending(FileName("copy\(number)"))
      let receipt = try await store.read(key, into: copy, atMost: 1)
      #expect(receipt.size == 1 && receipt.modified == object.modified, "\(object.key)")
      let name = ListedName.name(of: object.key.dropFirst(3))
      #expect(try files.contents(of: copy, limit: 9) == [UInt8(try #require(names.firstIndex(of: name)))])
      #expect(try await store.find(key) == object)
      #expect(try await store.delete(key, listedAs: object))
    }
    #expect(try files.list(root.appending("in")).isEmpty)
  }

  @Test func eachNameHasOneFormInKeys() {
    var random = SystemRandomNumberGenerator()
    let signs = Array("%%%25250AFfa\u{0}\n ~".utf8) + [0xff, 0xc3, 0xbc]
    for _ in 0..<5_000 {
      let name = FileName(
        bytes: (0..<Int.random(in: 1...9, using: &random)).compactMap { _ in signs.randomElement(using: &random) })
      let component = ListedName.component(of: name)
      #expect(ListedName.name(of: component) == name, "\(name.bytes) as \(component)")
    }
  }

  @Test func onlyTheFolderOfThePrefixIsLookedIntoWhereThatIsWanted() async throws {
    for name in ["in/a", "in/deep/b", "in/deep/er/c", "in-between", "out/d"] {
      let path = FilePath("\(root)/\(name)")
      try files.ensureDirectory(path.parent)
      try files.write([1], to: path)
    }
    for (prefix, depth, keys) in [
      ("in/", 0, ["in/a"]), ("in/", 1, ["in/a", "in/deep/b"]), ("in/", .max, ["in/a", "in/deep/b", "in/deep/er/c"]),
      ("in", 0, ["in-between"]), ("in", 1, ["in-between", "in/a"]),
    ] as [(String, Int, [String])] {
      let found = Locked<[String]>([])
      try await store.list(prefix, depth: depth, barred: { _ in }) { page in found.withLock { $0 += page.map(\.key) } }
      #expect(found.withLock { $0 } == keys, "\(prefix), \(depth)")
    }
  }

  @Test func aFolderIsNotMadeWhereNothingHoldsItOrItsDiskIsMissing() async throws {
    let file = try sample(10)
    let key = try #require(StoreKey("a"))
    let lost = folder.path.appending("mistyped/shelf")
    let none = try await fault { _ = try await LocalStore(lost, files: files).create(file, at: key) }
    #expect(none.kind == .unreachable && none.why.contains("there is no folder"), "\(none)")
    #expect(try files.info(lost.parent) == nil)
    // The table of file systems has one here; blanks are written as \040 there.
    let point = folder.path.appending("a disk")
    let table = folder.path.appending("fstab")
    try files.ensureDirectory(point)
    let line =
      "# a b c\nUUID=1 / ext4 defaults 0 1\n//nas/x \(point.string.replacing(" ", with: "\\040")) cifs ro 0 0\n"
    try files.write(Array(line.utf8), to: table)
    for root in [point, point.appending("shelf"), point.appending("deep/er")] {
      let store = LocalStore(root, files: files, placing: FolderPlace(table: table))
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(fault.kind == .unreachable && fault.why.contains("nothing is mounted"), "\(fault)")
    }
    #expect(try files.list(point).isEmpty)
    let mounted = FolderPlace(table: table, isPoint: { $0 == point })
    let store = LocalStore(point.appending("shelf"), files: files, placing: mounted)
    #expect(try await store.create(file, at: key).outcome == .created)
  }

  @Test func aTimeThatNoPlanCanHoldIsTheLastOne() async throws {
    for (name, year) in [("far", 33_000_000_000), ("early", -12_000_000_000)] {
      let path = root.appending("in").appending(FileName(name))
      try files.ensureDirectory(path.parent)
      try files.write([1], to: path)
      var times = [timeval(tv_sec: year, tv_usec: 0), timeval(tv_sec: year, tv_usec: 0)]
      #expect(path.withPlatformString { utimes($0, &times) } == 0)
      let key = try #require(StoreKey("in/\(name)"))
      let object = try #require(try await store.find(key))
      let time = try #require(object.modified)
      #expect(Timestamp(text: time.iso()) != nil, "\(time.iso())")
      #expect(
        try await store.read(key, into: folder.path.appending(FileName("copy-\(name)")), atMost: 1).modified == time)
      #expect(try await store.delete(key, listedAs: object))
    }
  }

  @Test(.timeLimit(.minutes(1))) func whoReadsALargeObjectKeepsNobodyElse() async throws {
    let key = try #require(StoreKey("d/large.gz"))
    _ = try await store.create(try sample(300_000), at: key)
    // It would take half an hour.
    let slow = LocalStore(root, files: files, throttle: Throttle { _ in 150 }, slots: 2)
    let copy = folder.path.appending("copy")
    let reading = Task { try await slow.read(key, into: copy, atMost: .max) }
    while try files.info(copy) == nil { try await Task.sleep(for: .milliseconds(5)) }
    #expect(try await slow.stat(key)?.size == 300_000)
    #expect(try await slow.find(key)?.size == 300_000)
    #expect(try await slow.readBack(key)?.size == 300_000)
    reading.cancel()
    #expect(try await fault { _ = try await reading.value }.kind == .unreachable)
  }

  @Test func whatIsNoFileUnderAnObjectsNameIsAMismatch() async throws {
    let guarded = LocalStore(root, files: LinuxFiles(guarded: [root]))
    try files.ensureDirectory(root.appending("folder"))
    try files.put("foreign", at: folder.path.appending("foreign"))
    #expect(symlink(folder.path.appending("foreign").string, root.appending("link").string) == 0)
    let file = try sample(10)
    for name in ["folder", "link"] {
      for store in [store, guarded] {
        let fault = try await fault { _ = try await store.create(file, at: try #require(StoreKey(name))) }
        #expect(fault.kind == .mismatch, "one strange name is no trouble of the store: \(fault)")
      }
    }
  }
}
