public import Core
public import Files
public import Store
public import SystemPackage

/// Objects as files below a folder. An object is written under a hidden name beside its place, made durable, and renamed to it
/// without ever replacing anything; so a name that can be seen is a whole object.
public struct LocalStore: StoreReader, StoreProbe {
  private let root: FilePath
  private let files: any Files
  private let memory: FolderMemory?
  private let throttle: Throttle?
  private let placing: FolderPlace
  // A large object that is read keeps nobody who writes or looks.
  let writing = BlockingQueue("store-file")
  private let looking = BlockingQueue("store-file-look")
  private let reading: BlockingPool

  public let traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: UInt64(Int64.max))

  /// The folder is made with the first object, below one that is there, and never again: with a memory, a store whose disk is not there is unreachable.
  /// - Parameters:
  ///   - throttle: the allowance that all transfers share.
  ///   - slots: objects that are read at a time.
  public init(
    _ root: FilePath, files: any Files, memory: FolderMemory? = nil, throttle: Throttle? = nil, slots: Int = 1
  ) {
    self.init(root, files: files, memory: memory, throttle: throttle, slots: slots, placing: FolderPlace())
  }

  init(
    _ root: FilePath, files: any Files, memory: FolderMemory? = nil, throttle: Throttle? = nil, slots: Int = 1,
    placing: FolderPlace
  ) {
    reading = BlockingPool("store-file-read", slots)
    self.placing = placing
    self.root = root
    self.files = files
    self.memory = memory
    self.throttle = throttle
  }

  func work(_ what: String, _ key: StoreKey? = nil, pace: LocalPace? = nil) -> LocalWork {
    LocalWork(root: root, files: files, memory: memory, placing: placing, what: what, key: key, pace: pace)
  }

  /// A copy ends soon after its caller has given it up.
  private func paced(
    _ what: String, _ key: StoreKey, on queue: BlockingQueue,
    _ copy: @escaping @Sendable (LocalWork) throws(StoreFault) -> Receipt
  ) async throws(StoreFault) -> Receipt {
    let pace = LocalPace(throttle)
    let work = work(what, key, pace: pace)
    let result: Result<Receipt, StoreFault> = await withTaskCancellationHandler {
      do throws(StoreFault) {
        return .success(try await queue.run { () throws(StoreFault) in try copy(work) })
      } catch {
        return .failure(error)
      }
    } onCancel: {
      pace.stop()
    }
    return try result.get()
  }

  // MARK: Store

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    try await paced("Cannot copy to", key, on: writing) { (work) throws(StoreFault) in try work.create(file) }
  }

  /// Reads the object for its digest.
  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let work = work("Cannot look at", key)
    return try await writing.run { () throws(StoreFault) in try work.stat() }
  }

  // MARK: StoreReader

  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await list(LocalWalk(root: root, prefix: prefix), { _ in }, each)
  }

  public func list(
    _ prefix: String, depth: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws {
    try await list(LocalWalk(root: root, prefix: prefix, depth: depth, passesOver: true), barred, each)
  }

  public func find(_ key: StoreKey) async throws -> ListedObject? {
    let work = work("Cannot look at", key)
    return try await looking.run { () throws(StoreFault) in try work.find() }
  }

  private func list(
    _ walk: LocalWalk, _ barred: @Sendable (BarredFolder) -> Void,
    _ each: @Sendable ([ListedObject]) async throws -> Void
  ) async throws {
    var walk = walk
    while true {
      let (next, page) = try await nextPage(walk)
      var rest = next
      for folder in rest.takeBarred() { barred(work("Cannot list").barred(folder)) }
      if page.isEmpty { return }
      try await each(page)
      walk = rest
    }
  }

  private func nextPage(_ walk: LocalWalk) async throws(StoreFault) -> (LocalWalk, [ListedObject]) {
    let work = work("Cannot list")
    return try await looking.run { () throws(StoreFault) in try work.page(after: walk) }
  }

  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    try await reading.lend { (queue) async throws(StoreFault) in
      try await paced("Cannot copy from", key, on: queue) { (work) throws(StoreFault) in
        try work.read(into: target, atMost: most)
      }
    }
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let work = work("Cannot look at", key)
    return try await reading.lend { (queue) async throws(StoreFault) in
      try await queue.run { () throws(StoreFault) in try work.stat() }
    }
  }

  // MARK: StoreProbe

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    let work = work("Cannot delete", key)
    try await looking.run { () throws(StoreFault) in try work.delete() }
  }

  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    let work = work("Cannot delete", key)
    return try await looking.run { () throws(StoreFault) in try work.delete(listedAs: object) }
  }
}
