public import Config
public import Core
import Crypto
public import Files
import FoundationEssentials
import Glibc
public import Store
public import SystemPackage

/// Objects as block blobs in a container of Azure.
public struct AzureStore: StoreReader, StoreProbe {
  let client: AzureClient
  let files: any Files
  let blocking = BlockingQueue("store-azblob")
  let rule: AzureBlocks.Rule
  let concurrency: Int
  let accessTier: AzureSettings.AccessTier?

  public let traits: StoreTraits

  /// Nothing is sent yet. `.denied` where the settings cannot be right.
  /// - Parameter clock: the wall clock, for signatures; what the service says of its own corrects it.
  public init(
    _ settings: StoreSettings, _ azure: AzureSettings, files: any Files, agent: String, throttle: Throttle? = nil,
    clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreFault) {
    try self.init(settings, azure, files: files, agent: agent, throttle: throttle, clock: clock) { name in
      getenv(name).map { String(cString: $0) }
    }
  }

  init(
    _ settings: StoreSettings, _ azure: AzureSettings, files: any Files, agent: String, throttle: Throttle? = nil,
    clock: @escaping @Sendable () -> Timestamp, rule: AzureBlocks.Rule = .init(),
    environment: @Sendable (String) -> String?
  ) throws(StoreFault) {
    let access = try AzureAccess(azure)
    let plain = TransferOptions(settings, caFile: azure.caFile, agent: agent)
    var options = plain
    options.throttle = throttle
    client = AzureClient(
      access, threads: TransferThreads(slots: settings.concurrency, options: options, files: files),
      identity: AzureIdentity(
        try AzureIdentity.Source(azure.identity, environment), options: plain, files: files), clock: clock)
    accessTier = azure.accessTier
    self.files = files
    self.rule = rule
    concurrency = max(1, settings.concurrency)
    traits = StoreTraits(
      createOnly: true, returnsDigest: true, largestObject: AzureBlocks.Rule.most * AzureBlocks.Rule.largest,
      expires: access.expires)
  }

  // MARK: Store

  public func create(_ file: StoredFile, at key: StoreKey) async throws(StoreFault) -> Receipt {
    let what = "Cannot upload to"
    let objectKey = try checked(key, what)
    try file.refuseEmpty(what, at: client.access.place(objectKey))
    return file.size > rule.above
      ? try await createOfBlocks(file, objectKey, what) : try await createWhole(file, objectKey, what)
  }

  public func stat(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let what = "Cannot ask for"
    let objectKey = try checked(key, what)
    guard let evidence = try await evidenceOfStored(objectKey, what) else { return nil }
    guard let size = evidence.size else {
      throw StoreFault(
        .unreachable, what, at: client.access.place(objectKey), why: "the answer does not tell the object's size")
    }
    return evidence.receipt(.found, size: size)
  }

  // MARK: StoreReader

  public func list(_ prefix: String, _ each: @escaping @Sendable ([ListedObject]) async throws -> Void) async throws {
    try await list(prefix, depth: .max, barred: { _ in }, each)
  }

  /// Told of as barred: names that were not asked for. A service that does not keep to the prefix may have kept others back.
  public func list(
    _ prefix: String, depth _: Int, barred: @escaping @Sendable (BarredFolder) -> Void,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws {
    let what = "Cannot list"
    let root = client.access.prefix
    var marker: String?
    var watch = ListWatch()
    repeat {
      var query = [
        ("restype", "container"), ("comp", "list"), ("maxresults", "1000"), ("prefix", root + prefix),
      ]
      if let marker { query.append(("marker", marker)) }
      let answer = try await client.send(
        AzureClient.Request(method: .get, query: query, sink: .bytes(limit: Limits.azurePageBytes)), what)
      guard answer.isSuccess else { throw client.fault(answer, what, nil) }
      let remedy = "Check that the endpoint speaks Azure Blob Storage"
      guard let page = AzurePage(answer.body) else {
        throw StoreFault(
          .unreachable, what, at: client.access.place(nil), why: "the answer is not a whole page of a list",
          remedy: remedy)
      }
      let objects = page.entries.compactMap { entry -> ListedObject? in
        guard entry.name.utf8.starts(with: (root + prefix).utf8) else { return nil }
        return ListedObject(
          key: String(entry.name.dropFirst(root.count)), size: entry.size, tag: entry.tag, modified: entry.modified)
      }
      if let why = watch.complaint(
        token: page.marker, first: page.entries.first?.name, count: page.entries.count, wanted: objects.count)
      {
        throw StoreFault(.unreachable, what, at: client.access.place(nil), why: why, remedy: remedy)
      }
      if !objects.isEmpty { try await each(objects) }
      marker = page.marker
    } while marker != nil
    let service = "Azure Blob Storage"
    if let rest = watch.passedOver(of: prefix, what, at: client.access.place(nil), service: service) { barred(rest) }
  }

  /// The receipt's digest is that of the bytes which arrived; where the service tells an MD5, they have it.
  public func read(_ key: StoreKey, into target: FilePath, atMost most: UInt64) async throws(StoreFault) -> Receipt {
    let what = "Cannot download"
    let objectKey = try checked(key, what)
    let answer = try await client.send(
      AzureClient.Request(method: .get, objectKey: objectKey, sink: .file(target, most: most)), what)
    if answer.status == 404, client.refusal(answer).code == "BlobNotFound" {
      throw StoreFault(.refused, what, at: client.access.place(objectKey), why: "there is no such object")
    }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    let place = client.access.place(objectKey)
    if answer.truncated { throw StoreFault.tooLong(what, at: place, most: most) }
    let evidence = AzureEvidence(answer.headers)
    let (size, sha256, md5) = try await local(what, place) { [files] () throws(FileFault) in
      var md5 = Insecure.MD5()
      let found = try files.digest(of: target) { (chunk) throws(FileFault) in md5.update(bufferPointer: chunk) }
      return (found.size, found.sha256, Hex.encode(md5.finalize()))
    }
    if let announced = evidence.md5, announced != md5 {
      try await local(what, place) { [files] () throws(FileFault) in try files.remove(target) }
      throw StoreFault(
        .unreachable, what, at: place, why: "the bytes that came are not those of the MD5 that the store tells")
    }
    return Receipt(outcome: .found, size: size, sha256: sha256, tag: evidence.tag)
  }

  public func readBack(_ key: StoreKey) async throws(StoreFault) -> Receipt? {
    let what = "Cannot read back"
    let objectKey = try checked(key, what)
    let answer = try await client.send(AzureClient.Request(method: .get, objectKey: objectKey, sink: .digest), what)
    if answer.status == 404, client.refusal(answer).code == "BlobNotFound" { return nil }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return Receipt(
      outcome: .found, size: answer.received, sha256: answer.sha256, tag: AzureEvidence(answer.headers).tag)
  }

  // MARK: StoreProbe

  public func delete(_ key: StoreKey) async throws(StoreFault) {
    let what = "Cannot delete"
    let objectKey = try checked(key, what)
    let answer = try await client.send(AzureClient.Request(method: .delete, objectKey: objectKey), what)
    if answer.status == 404, client.refusal(answer).code == "BlobNotFound" { return }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
  }

  public func delete(_ key: StoreKey, listedAs object: ListedObject) async throws(StoreFault) -> Bool {
    let what = "Cannot delete"
    let objectKey = try checked(key, what)
    // Every blob has a tag, and another one after each change.
    let condition = object.tag.map { [("if-match", "\"\($0)\"")] } ?? []
    let answer = try await client.send(
      AzureClient.Request(method: .delete, objectKey: objectKey, headers: condition), what)
    if answer.status == 412, client.refusal(answer).code == "ConditionNotMet" { return false }
    if answer.status == 404, client.refusal(answer).code == "BlobNotFound" { return true }
    guard answer.isSuccess else { throw client.fault(answer, what, objectKey) }
    return true
  }
}
