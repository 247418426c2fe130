internal import Core
private import Crypto
public import Files
public import Store
public import SystemPackage
internal import Threads

/// What every store promises, asked of one. Each promise is a function of its own that throws where it is broken.
///
/// Keys lie below a folder of this run, so a bucket may be shared.
public struct StoreConformance: Sendable {
  /// Does one `create` that goes wrong in the way the name says.
  public typealias Accident = @Sendable (StoredFile, StoreKey) async throws -> Void

  public struct Broken: Error, CustomStringConvertible {
    public let description: String
  }

  let store: any RemoteStore
  let files: any Files
  let folder: FilePath
  let run: String
  let cutShort: Accident
  let replyLost: Accident
  let isOrdered: Bool
  let isCreateOnly: Bool
  let comparesVersions: Bool
  let troubles: StoreTroubles

  /// - Parameters:
  ///   - folder: an empty one, for the files to send.
  ///   - run: one component of a key.
  ///   - cutShort: a `create` killed in its middle.
  ///   - replyLost: a `create` that is done, but whose answer does not arrive.
  ///   - isOrdered: false for a service that is known to list in another order than that of the keys' bytes.
  ///   - isCreateOnly: false for one that is known to overwrite: what depends on it cannot be judged there.
  ///   - comparesVersions: false for one that is known to delete whatever is there.
  ///   - troubles: what the store can be brought into.
  public init(
    _ store: any RemoteStore, files: any Files, folder: FilePath, run: String, cutShort: @escaping Accident,
    replyLost: @escaping Accident, isOrdered: Bool = true, isCreateOnly: Bool = true,
    comparesVersions: Bool = true, troubles: StoreTroubles = StoreTroubles()
  ) {
    self.store = store
    self.files = files
    self.folder = folder
    self.run = run
    self.cutShort = cutShort
    self.replyLost = replyLost
    self.isOrdered = isOrdered
    self.isCreateOnly = isCreateOnly
    self.comparesVersions = comparesVersions
    self.troubles = troubles
  }

  /// One promise, by its words; the same for every store.
  public struct Promise: Sendable, CustomStringConvertible {
    public let description: String
    /// - Returns: false where the store cannot be brought to where it would have to keep it.
    let check: @Sendable (StoreConformance) async throws -> Bool

    init(
      _ words: String, createOnly: Bool = false, _ check: @escaping @Sendable (StoreConformance) async throws -> Void
    ) {
      description = words
      self.check = { suite in
        if createOnly, !suite.isCreateOnly { return false }
        try await check(suite)
        return true
      }
    }

    init(
      _ words: String, _ way: @escaping @Sendable (StoreTroubles) -> StoreTroubles.Way?,
      _ check: @escaping @Sendable (StoreConformance, any RemoteStore) async throws -> Void
    ) {
      description = words
      self.check = { suite in
        guard let way = way(suite.troubles) else { return false }
        try await check(suite, try await way())
        return true
      }
    }
  }

  /// - Returns: false where this store cannot be judged by it.
  /// - Throws: where it is broken.
  public func keeps(_ promise: Promise) async throws -> Bool { try await promise.check(self) }

  public static let promises = usual + inTrouble

  private static let usual: [Promise] = [
    Promise("an object is created once, and known by size and digest", createOnly: true) { try await $0.createsOnce() },
    Promise("other bytes never replace an object", createOnly: true) { try await $0.neverReplaces() },
    Promise("of those that want one name, one has it, at once and in parts", createOnly: true) {
      try await $0.contests()
    },
    Promise("an empty file is refused") { try await $0.refusesEmpty() },
    Promise("of many creators one wins, and all learn the truth", createOnly: true) { try await $0.manyCreators() },
    Promise("what is missing is nil") { try await $0.missing() },
    Promise("a list is whole, ordered and bounded by its prefix") { try await $0.lists() },
    Promise("what is read is what was written") { try await $0.readsBack() },
    Promise("what is read back is what was written, and nothing of it is kept") { try await $0.readsBackOnly() },
    Promise("what is deleted is gone, and may be deleted again") { try await $0.deletes() },
    Promise("what is deleted as listed is gone, and another version stays") { try await $0.deletesAsListed() },
    Promise("odd keys are keys") { try await $0.oddKeys() },
    Promise("a list tells of an object what reading it tells, and the same each time") { try await $0.listsTruly() },
    Promise("an object whose name others chose is listed, read and deleted") { try await $0.foreignNames() },
    Promise("a large object arrives whole") { try await $0.large() },
    Promise("of an upload cut short nothing is seen, and the next one succeeds") { try await $0.survivesCut() },
    Promise("where the answer is lost, asking again finds our object", createOnly: true) {
      try await $0.survivesLostReply()
    },
  ]

  // MARK: Promises

  func createsOnce() async throws {
    let (file, key) = (try file("once", 70_000), try key("once.csv.gz"))
    let first = try await store.create(file, at: key)
    try expect(first.outcome == .created && first.size == file.size, "the first answer is \(first)")
    let second = try await store.create(file, at: key)
    try expect(second.outcome == .alreadyThere && second.size == file.size, "the second answer is \(second)")
    let found = try await store.stat(key)
    try expect(found?.outcome == .found && found?.size == file.size, "stat tells \(String(describing: found))")
    if store.traits.returnsDigest { try expect(found?.sha256 == file.sha256, "stat tells another digest") }
  }

  func neverReplaces() async throws {
    let key = try key("taken.csv.gz")
    let (ours, same) = (try file("ours", 5_000, fill: 1), try file("same-size", 5_000, fill: 2))
    let longer = try file("longer", 5_001, fill: 1)
    _ = try await store.create(ours, at: key)
    for other in [same, longer] {
      let kind = try await fault { _ = try await store.create(other, at: key) }
      try expect(kind == .mismatch, "other bytes were answered with \(String(describing: kind))")
    }
    try await expectContent(ours, at: key)
  }

  /// Of a batch something always is: an empty object would be a fault of ours, or of the disk.
  func refusesEmpty() async throws {
    let (file, key) = (try file("empty", 0), try key("empty/empty.csv.gz"))
    let kind = try await fault { _ = try await store.create(file, at: key) }
    try expect(kind == .refused, "it was answered with \(String(describing: kind))")
    try expect(try await store.stat(key) == nil, "an empty object is seen")
    try expect(try await listed("\(run)/empty/").isEmpty, "an empty object is listed")
  }

  func manyCreators() async throws {
    let (file, key) = (try file("many", 200_000), try key("many.csv.gz"))
    let outcomes = try await withThrowingTaskGroup(of: Receipt.Outcome?.self) { group in
      for _ in 0..<8 {
        group.addTask {
          do {
            return try await store.create(file, at: key).outcome
          } catch let fault as StoreFault where fault.kind == .unreachable {
            return nil  // "In use, try again" is true too.
          }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let created = outcomes.count { $0 == .created }
    try expect(created <= 1, "\(created) creators were told that they were the first")
    let last = try await store.create(file, at: key)
    try expect(created == 1 || last.outcome == .created || last.outcome == .alreadyThere, "nobody created it")
    try await expectContent(file, at: key)
  }

  func missing() async throws {
    let key = try key("nothing/here.csv.gz")
    let found = try await store.stat(key)
    try expect(found == nil, "stat tells \(String(describing: found))")
    let kind = try await fault { _ = try await store.read(key, into: folder.appending("missing.out")) }
    try expect(kind == .refused, "read was answered with \(String(describing: kind))")
    try expect(files.info(folder.appending("missing.out")) == nil, "read left a file behind")
  }

  func lists() async throws {
    let file = try file("listed", 100)
    let names = (0..<25).map { "list/\($0 % 3)/n\(100 + $0)" } + ["list/0-0", "list/00", "list0"]
    for name in names { _ = try await store.create(file, at: try key(name)) }
    let expected = names.filter { $0.hasPrefix("list/") }.map { "\(run)/\($0)" }
    let found = try await listed("\(run)/list/")
    try expect(found.map(\.key).sorted() == expected.sorted(), "the list has \(found.count), not \(expected.count)")
    try expect(found.allSatisfy { $0.size == file.size }, "the list tells other sizes")
    let inOrder = expected.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    try expect(!isOrdered || found.map(\.key) == inOrder, "not in order")
    try expect(try await listed("\(run)/list/1/n10").count == 3, "a prefix that ends within a name")
    try expect(try await listed("\(run)/no-such-prefix").isEmpty, "a prefix without objects")
  }

  func readsBack() async throws {
    let (file, key) = (try file("read", 300_001), try key("read.csv.gz"))
    _ = try await store.create(file, at: key)
    try await expectContent(file, at: key)
  }

  func readsBackOnly() async throws {
    let (file, key) = (try file("back", 300_003), try key("back.csv.gz"))
    let nothing = try await store.readBack(key)
    try expect(nothing == nil, "of what is missing it tells \(String(describing: nothing))")
    _ = try await store.create(file, at: key)
    let receipt = try await store.readBack(key)
    try expect(receipt?.size == file.size && receipt?.sha256 == file.sha256, "it tells \(String(describing: receipt))")
  }

  func deletes() async throws {
    let (file, key) = (try file("deleted", 10), try key("deleted.csv.gz"))
    _ = try await store.create(file, at: key)
    for _ in 0..<2 { try await store.delete(key) }
    try expect(try await store.stat(key) == nil, "it is still there")
    let again = try await store.create(file, at: key)
    try expect(again.outcome == .created, "a new one was answered with \(again.outcome)")
  }

  func deletesAsListed() async throws {
    let (first, second) = (try file("version-1", 10, fill: 1), try file("version-2", 11, fill: 2))
    let (key, other) = (try key("version/a.csv"), try key("version/ab.csv"))
    _ = try await store.create(first, at: key)
    _ = try await store.create(first, at: other)
    let before = try await listed(key.description)
    guard let before = before.first else { throw Broken(description: "it is not listed") }
    try await store.delete(key)
    _ = try await store.create(second, at: key)
    if comparesVersions {
      try expect(try await !store.delete(key, listedAs: before), "another version was deleted for it")
      try await expectContent(second, at: key)
    }
    guard let now = try await listed(key.description).first else { throw Broken(description: "it is not listed") }
    try expect(try await store.delete(key, listedAs: now), "it is said to be another")
    // Some services do not tell a version that is gone from another one.
    _ = try await store.delete(key, listedAs: now)
    try expect(try await store.stat(key) == nil, "it is still there")
    try expect(
      try await listed("\(run)/version/").map(\.key) == [other.description], "something else is there, or gone")
  }

  func oddKeys() async throws {
    let file = try file("odd", 100)
    let names = [
      "dt=2026-03-04/x=y=z.csv.gz", "==", ".hidden", "...", "-", "_", "a..b", "trailing.",
      (0..<20).map { "deep\($0)" }.joined(separator: "/"), String(repeating: "n", count: 200),
    ]
    for name in names {
      let key = try key("odd/\(name)")
      try expect(try await store.create(file, at: key).outcome == .created, "create at \(name)")
      try expect(try await store.stat(key)?.size == file.size, "stat at \(name)")
      try await expectContent(file, at: key)
    }
    try expect(try await listed("\(run)/odd/").count == names.count, "a key was lost or came twice")
  }

  func listsTruly() async throws {
    let (file, other) = (try file("truly", 1_000), try file("truly-other", 1_000, fill: 9))
    let (key, second) = (try key("truly/a.csv"), try key("truly/b.csv"))
    _ = try await store.create(file, at: key)
    _ = try await store.create(other, at: second)
    let first = try await listed("\(run)/truly/")
    try expect(first.map(\.key).sorted() == [key.description, second.description], "the list has \(first.count)")
    try expect(try await listed("\(run)/truly/") == first, "the same objects were told in two ways")
    // A list below a whole key holds that object: so one is looked for.
    try expect(try await listed(key.description).map(\.key) == [key.description], "a prefix that is a whole key")
    for object in first {
      guard let key = StoreKey(listed: object.key) else { throw Broken(description: "no key: \(object.key)") }
      let copy = folder.appending("truly-copy")
      let receipt = try await store.read(key, into: copy)
      try files.remove(copy)
      try expect(receipt.size == object.size, "listed with \(object.size) bytes, read with \(receipt.size)")
      let isSame = receipt.tag == nil || object.tag == nil || receipt.tag == object.tag
      try expect(isSame, "listed as \(object.tag ?? ""), read as \(receipt.tag ?? "")")
      let cut = try await fault { _ = try await store.read(key, into: copy, atMost: object.size - 1) }
      try expect(cut == .mismatch, "one byte too many was answered with \(String(describing: cut))")
      try expect(files.info(copy) == nil, "what was cut off left a file behind")
      try expect(try await store.read(key, into: copy, atMost: object.size).size == object.size, "exactly so many")
      try files.remove(copy)
      try expect(object.tag != nil || object.modified != nil, "neither a tag nor a time tells it from another version")
    }
  }

  func foreignNames() async throws {
    let file = try file("foreign", 100)
    let names = ["Spring offer (VIP).csv", "Größe+Zoë&Co=1.csv", "it's [new] #1;x,y!.csv", "日本語.csv", "a b/c  d.csv"]
    for name in names {
      guard let key = StoreKey(listed: "\(run)/foreign/\(name)") else { throw Broken(description: "no key: \(name)") }
      try expect(StoreKey(key.description) == nil, "\(name) could be a name of ours")
      _ = try await store.create(file, at: key)
      try await expectContent(file, at: key)
    }
    let found = try await listed("\(run)/foreign/")
    try expect(Set(found.map(\.key)) == Set(names.map { "\(run)/foreign/\($0)" }), "listed as \(found.map(\.key))")
    for object in found { if let key = StoreKey(listed: object.key) { try await store.delete(key) } }
    try expect(try await listed("\(run)/foreign/").isEmpty, "something is still there")
  }

  func large() async throws {
    let (file, key) = (try file("large", 64 << 20), try key("large.csv.gz"))
    try expect(try await store.create(file, at: key).outcome == .created, "not created")
    try await expectContent(file, at: key)
    try await store.delete(key)
  }

  func survivesCut() async throws {
    let (file, key) = (try file("cut", 3 << 20), try key("cut/cut.csv.gz"))
    let before = try await listed("\(run)/cut/")
    try await cutShort(file, key)
    try expect(try await store.stat(key) == nil, "part of an object is seen")
    try expect(try await listed("\(run)/cut/") == before, "part of an object is listed")
    try expect(try await store.create(file, at: key).outcome == .created, "not created")
    try await expectContent(file, at: key)
  }

  func survivesLostReply() async throws {
    let (file, key) = (try file("lost", 3 << 20), try key("lost.csv.gz"))
    try await replyLost(file, key)
    let outcome = try await store.create(file, at: key).outcome
    try expect(outcome == .alreadyThere, "the next one was answered with \(outcome)")
    try await expectContent(file, at: key)
  }

  // MARK: Tools

  /// A file of bytes that look random, the same for the same arguments.
  public func file(_ name: String, _ size: Int, fill: UInt64 = 7) throws -> StoredFile {
    try StoredFile.sample(at: folder.appending(name), size: size, seed: fill, files)
  }

  public func key(_ name: String) throws -> StoreKey {
    guard let key = StoreKey("\(run)/\(name)") else { throw Broken(description: "no key: \(name)") }
    return key
  }

  func listed(_ prefix: String) async throws -> [ListedObject] {
    let all = Locked<[ListedObject]>([])
    try await store.list(prefix) { page in all.withLock { $0 += page } }
    return all.withLock { $0 }
  }

  func expectContent(_ file: StoredFile, at key: StoreKey) async throws {
    let copy = folder.appending("\(file.sha256)-copy")
    let receipt = try await store.read(key, into: copy)
    let bytes = try files.contents(of: copy, limit: 1 << 30)
    try files.remove(copy)
    let isSame = bytes.count == file.size && Digest(SHA256.hash(data: bytes)) == file.sha256
    try expect(isSame, "\(bytes.count) bytes were read, and they are others")
    try expect(receipt.size == file.size, "the receipt tells \(receipt.size) bytes")
  }

  func fault(_ body: () async throws -> Void) async throws -> StoreKind? {
    do {
      try await body()
      return nil
    } catch let fault as StoreFault {
      return fault.kind
    }
  }

  func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) throws {
    if !isTrue { throw Broken(description: what()) }
  }
}

extension StoredFile {
  /// A new file of bytes that look random, the same for the same seed and size.
  public static func sample(at path: FilePath, size: Int, seed: UInt64, _ files: any Files) throws -> StoredFile {
    // A prime number of bytes over and over: no two blocks of a usual size are alike.
    var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
    let block = (0..<min(size, 65_521)).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size + block.count)
    while bytes.count < size { bytes += block }
    bytes.removeLast(bytes.count - size)
    let output = try files.create(path, mode: .stateFile)
    try bytes.withUnsafeBufferPointer { (raw) throws(FileFault) in try output.write(UnsafeRawBufferPointer(raw)) }
    return StoredFile(
      path: path, size: UInt64(size), sha256: Digest(SHA256.hash(data: bytes)),
      md5: Hex.encode(Insecure.MD5.hash(data: bytes)))
  }
}
