public import Core
public import Files
public import Store
public import SystemPackage

/// Objects as files below a folder. An object is written under a hidden name beside its place, made durable, and renamed to it
/// without ever replacing anything; so a name that can be seen is a whole object.
public struct LocalStore: StoreReader, StoreProbe {
  private let root: FilePath
  private let files: any Files
  private let blocking = BlockingQueue("store-file")

  public let traits = StoreTraits(createOnly: true, returnsDigest: true, largestObject: UInt64(Int64.max))

  /// The folder is made with the first object.
  public init(_ root: FilePath, files: any Files) {
    self.root = root
    self.files = files
  }

  // MARK: Store

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    let work = LocalWork(root: root, files: files, what: "Cannot copy to", key: key)
    return try await blocking.run { () throws(StoreFault) in try work.create(file) }
  }

  /// Reads the object for its digest.
  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let work = LocalWork(root: root, files: files, what: "Cannot look at", key: key)
    return try await blocking.run { () throws(StoreFault) in try work.stat() }
  }

  // MARK: StoreReader

  public func list(_ prefix: String, _ each: @Sendable ([ListedObject]) async throws -> Void) async throws {
    var walk = LocalWalk(root: root, prefix: prefix)
    while true {
      let (rest, page) = try await nextPage(walk)
      if page.isEmpty { return }
      try await each(page)
      walk = rest
    }
  }

  private func nextPage(_ walk: LocalWalk) async throws(StoreFault) -> (LocalWalk, [ListedObject]) {
    try await blocking.run { [root, files] () throws(StoreFault) in
      var walk = walk
      do throws(FileFault) {
        let page = try walk.page(of: 1000, files)
        return (walk, page)
      } catch {
        throw TransferFailure.file(error).fault("Cannot list", at: "file://\(root.shown)")
      }
    }
  }

  public func read(_ key: StoreKey, into target: FilePath) async throws(StoreFault) -> Receipt {
    let work = LocalWork(root: root, files: files, what: "Cannot copy from", key: key)
    return try await blocking.run { () throws(StoreFault) in try work.read(into: target) }
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? { try await stat(key) }

  // MARK: StoreProbe

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    let work = LocalWork(root: root, files: files, what: "Cannot delete", key: key)
    try await blocking.run { () throws(StoreFault) in try work.delete() }
  }
}
