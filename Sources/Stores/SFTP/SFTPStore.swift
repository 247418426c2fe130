import Config
public import Core
import Files
public import Store
public import SystemPackage
import Threads

/// Objects as files on an SFTP server. An object is written under a hidden name beside its place and renamed to it, which OpenSSH
/// refuses where the name is taken; so a name that can be seen is a whole object, and none is replaced.
///
/// The protocol has no digest: "already there" is decided by reading the object back. The server is asked to make the bytes durable
/// (fsync@openssh.com); one that does not know how may lose, with its power, what it had confirmed seconds ago.
public struct SFTPStore: StoreReader, StoreProbe {
  let client: SFTPClient
  let root: FilePath
  /// Folders that were silent.
  let silences = SFTPSilences()
  let uptime: @Sendable () -> Duration
  private let files: any Files
  private let blocking = BlockingQueue("store-sftp")
  private let busy = BusyKeys()

  public let traits = StoreTraits(createOnly: true, returnsDigest: false, largestObject: UInt64(Int64.max))

  /// Nothing is reached yet.
  init(
    _ settings: StoreSettings, _ sftp: SFTPSettings, files: any Files, throttle: Throttle? = nil,
    library: TransferLibrary = .current, uptime: @escaping @Sendable () -> Duration = SystemClock.uptime
  ) throws(StoreFault) {
    client = try SFTPClient(settings, sftp, files: files, throttle: throttle, library: library)
    root = sftp.folder
    self.files = files
    self.uptime = uptime
  }

  // MARK: Store

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    let what = "Cannot upload to"
    let object = SFTPObject(root: root, key: key)
    guard let part = object.part(of: file) else {
      throw StoreFault(
        .refused, what, at: client.place(object.path),
        why: "such names are kept for objects being written, or leave no room for one",
        remedy: "Change the stream's key")
    }
    try file.refuseEmpty(what, at: client.place(object.path))
    // Two uploads of one object would write one part.
    guard busy.begin(key) else {
      throw StoreFault(.unreachable, what, at: client.place(object.path), why: "this object is being written now")
    }
    defer { busy.end(key) }
    if case .file(let size) = try await client.sight(of: object.path, what) {
      return try await compare(file, object, size: size, what)
    }
    try await checkOurs(file, client.place(object.path), what)
    try await upload(file, object, part: part, what)
    if let refusal = try await client.rename(part, to: object.path, what) {
      // Somebody was quicker; or it was us, on a connection that broke before the answer came.
      guard case .file(let size) = try await client.sight(of: object.path, what) else {
        throw client.fault(refusal, what, object.path)
      }
      _ = try await client.remove(part, what)
      return try await compare(file, object, size: size, what)
    }
    return Receipt(outcome: .created, size: file.size, modified: await timeOfNew(object))
  }

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let path = SFTPObject(root: root, key: key).path
    return try await client.attributes(of: path, "Cannot ask for").map {
      Receipt(outcome: .found, size: $0.size ?? 0, modified: $0.modified)
    }
  }

  // MARK: StoreReader

  /// In the order of the keys' bytes, folder by folder.
  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await walk(prefix, depth: .max, barred: nil, each)
  }

  public func list(
    _ prefix: String, depth: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws { try await walk(prefix, depth: depth, barred: barred, each) }

  public func find(_ key: StoreKey) async throws -> ListedObject? {
    let (what, place) = ("Cannot ask for", SFTPObject(root: root, key: key))
    var found = try await client.attributes(of: place.path, what)
    if found == nil, let aside = place.aside {
      // A deletion that was killed has left it there, and it may be another version than the one that was to go.
      try await giveBack(aside, to: place.path, what)
      found = try await client.attributes(of: place.path, what)
    }
    guard let found, found.kind ?? .file == .file else { return nil }
    return ListedObject(key: key.description, size: found.size ?? 0, tag: nil, modified: found.modified)
  }

  /// The receipt's digest is that of the bytes which arrived.
  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    let what = "Cannot download"
    let path = SFTPObject(root: root, key: key).path
    guard let answer = try await client.read(path, into: .file(target, most: most), what) else {
      throw StoreFault(.refused, what, at: client.place(path), why: "there is no such object")
    }
    if answer.truncated { throw StoreFault.tooLong(what, at: client.place(path), most: most) }
    // Where it was written meanwhile, the copy may be part of one version and part of another.
    let now = try await client.attributes(of: path, what)
    guard let now, answer.attributes == nil || answer.attributes?.modified == now.modified else {
      throw StoreFault(
        .mismatch, what, at: client.place(path), why: "it was written, or taken away, while it was read",
        remedy: "It is tried again")
    }
    let (size, sha256) = try await local(what, client.place(path)) { [files] () throws(FileFault) in
      try files.digest(of: target)
    }
    return Receipt(outcome: .found, size: size, sha256: sha256, modified: now.modified)
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let path = SFTPObject(root: root, key: key).path
    guard let answer = try await client.read(path, into: .digest, "Cannot read back") else { return nil }
    return Receipt(outcome: .found, size: answer.received, sha256: answer.sha256)
  }

  // MARK: StoreProbe

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    let what = "Cannot delete"
    let path = SFTPObject(root: root, key: key).path
    guard let refusal = try await client.remove(path, what) else { return }
    if try await client.size(of: path, what) != nil { throw client.fault(refusal, what, path) }
  }

  // MARK: Parts

  /// The object is whole without it.
  private func timeOfNew(_ object: SFTPObject) async -> Timestamp? {
    (try? await client.attributes(of: object.path, "Cannot ask for"))?.modified
  }

  /// An upload that was cut is begun anew: what a server kept of it may not be what we sent.
  func upload(_ file: StoredFile, _ object: SFTPObject, part: FilePath, _ what: String) async throws(StoreFault) {
    if let refusal = try await client.upload(file, to: part, what) {
      guard refusal.isVague else { throw client.fault(refusal, what, object.path) }
      // Looked at before the part goes, which would make room.
      let space = try? await client.space(at: object.folder, what)
      guard let space, space.free < file.size || space.freeFiles == 0 else {
        throw client.fault(refusal, what, object.path, isAlive: space != nil)
      }
      do { _ = try await client.remove(part, what) } catch {}
      throw StoreFault(
        .full, what, at: client.place(object.path),
        why: "the server has no room: \(counted(space.free, "byte")) free"
          + (refusal.text.isEmpty ? "" : " (\(refusal.text))"),
        remedy: "Make room on the server"
      )
    }
    let arrived = try await client.sight(of: part, what)
    guard arrived == .file(size: file.size) || arrived == .forbidden else {
      let has = if case .file(let size) = arrived { "\(size)" } else { "none" }
      throw StoreFault(
        .unreachable, what, at: client.place(object.path),
        why: "the server confirmed \(counted(file.size, "byte")) and has \(has)",
        remedy: "If it stays: the server loses data, or takes files away before they are complete")
    }
  }

  private func compare(
    _ file: StoredFile, _ object: SFTPObject, size: UInt64, _ what: String
  ) async throws(StoreFault) -> Receipt {
    func differs(_ how: String) -> StoreFault {
      StoreFault(
        .mismatch, what, at: client.place(object.path), why: "another file has this name: \(how)",
        remedy: "Look at it; move it away if it is wrong, then: navette retry")
    }
    guard size == file.size else { throw differs("\(counted(size, "byte")), ours has \(file.size)") }
    guard let found = try await client.read(object.path, into: .digest, what), let sha256 = found.sha256 else {
      throw StoreFault(.unreachable, what, at: client.place(object.path), why: "it was there, and is gone")
    }
    guard found.received == file.size, sha256 == file.sha256 else {
      throw differs("\(counted(found.received, "byte")), SHA-256 \(sha256)")
    }
    return Receipt(outcome: .alreadyThere, size: size, sha256: sha256, modified: await timeOfNew(object))
  }

  /// No digest goes along, so the server would take whatever our disk made of the file.
  private func checkOurs(_ file: StoredFile, _ place: String, _ what: String) async throws(StoreFault) {
    let found = try await local(what, place) { [files] () throws(FileFault) in try files.digest(of: file.path) }
    guard found.size == file.size, found.sha256 == file.sha256 else {
      throw StoreFault(
        .refused, what, at: place,
        why: "\(file.path.shown) is no longer what was sealed: its SHA-256 is \(found.sha256)",
        remedy: "The disk, or a person, changed it: the batch cannot be sent")
    }
  }

  private func local<Value: Sendable>(
    _ what: String, _ place: String, _ body: @escaping @Sendable () throws(FileFault) -> Value
  ) async throws(StoreFault) -> Value {
    do { return try await blocking.run(body) } catch { throw TransferFailure.file(error).fault(what, at: place) }
  }
}

/// Where an object lies.
struct SFTPObject {
  let path: FilePath
  let name: String
  var folder: FilePath { path.parent }

  init(root: FilePath, key: StoreKey) {
    path = root.appending(key: key.description) ?? FilePath("\(root.string)/\(key.description)")
    name = key.description.split(separator: "/").last.map(String.init) ?? ""
  }

  /// Where it is written before it is one. The digest is in the name, so that no two agents with different bytes for one key ever
  /// write one file; nil where the name has no room for it, or looks like a part itself.
  func part(of file: StoredFile) -> FilePath? {
    guard !LocalWork.isPart(FileName(name)) else { return nil }
    return hidden("\(name).\(file.sha256.description.prefix(12))")
  }

  /// Where it lies while it is looked at for the last time. No object that we write is built under this name: none of our keys has a
  /// tilde.
  var aside: FilePath? { hidden("~\(name)") }

  private func hidden(_ name: String) -> FilePath? {
    let part = LocalWork.partName(of: name)
    return part.utf8.count <= Limits.nameBytes ? folder.appending(FileName(part)) : nil
  }
}

/// The objects that this process writes now.
private final class BusyKeys: Sendable {
  private let keys = Locked<Set<StoreKey>>([])
  /// False where somebody else has it.
  func begin(_ key: StoreKey) -> Bool { keys.withLock { $0.insert(key).inserted } }
  func end(_ key: StoreKey) { keys.withLock { _ = $0.remove(key) } }
}
