public import Config
public import Core
import Crypto
import Files
import Spool
import Store
import Stores
public import SystemPackage
import Threads

/// Writes, reads and deletes a probe in a store, and says what each step came to.
public enum StoreCheck {
  public struct Outcome: Sendable {
    public fileprivate(set) var lines: [String] = []
    public fileprivate(set) var code = ExitCode.done
    fileprivate var last: StoreFault?
  }

  /// What can be said of the stores without reaching them, one line each: rights that end, and folders that are not where they were.
  public static func notes(_ settings: Settings) -> [String] {
    let (files, now) = (LinuxFiles(), SystemClock.wall())
    let ending = Endings.of(settings, files)
    let ends =
      ending.stores.map { "store \($0.store): access: \($0.words(now))" }
      + ending.keys.map { "stream \($0.stream): its key \($0.words(now))" }
    let complaints = complaints(settings).sorted { $0.key < $1.key }
    return ends + complaints.map { "store \($0.key): \($0.value)" }
  }

  /// What has AWS itself keep objects from being replaced.
  public static func policies(_ settings: Settings) -> [String] {
    settings.stores.flatMap { store -> [String] in
      let isSentTo = settings.streams.contains { $0.stores.contains(store.name) }
      guard isSentTo, let policy = BucketPolicy(store) else { return [] }
      return ["store \(store.name): with this in its bucket policy AWS lets nobody replace an object there:"]
        + policy.lines.map { "  \($0)" }
    }
  }

  /// Stores whose folders were used and are not there.
  public static func absent(_ settings: Settings) -> Set<StoreName> { Set(complaints(settings).keys) }

  private static func complaints(_ settings: Settings) -> [StoreName: String] {
    var complaints: [StoreName: String] = [:]
    for store in settings.stores {
      guard case .folder(let root) = store.target else { continue }
      let memory = memory(of: store, settings.state, LinuxFiles())
      if let complaint = try? memory.complaint(about: root) {
        complaints[store.name] = "\(complaint). \(memory.remedy)"
      }
    }
    return complaints
  }

  private static func memory(of store: StoreSettings, _ state: FilePath, _ files: any Files) -> FolderMemory {
    FolderMemory(StateFolder(state).store(store.name), files: files, isNoting: false)
  }

  /// - Parameters:
  ///   - state: run by root, the check acts as the owner of that folder, as the agent will.
  ///   - isSentTo: streams send there: it is tried whether the store replaces objects.
  public static func run(
    _ settings: StoreSettings, host: String, state: FilePath, isSentTo: Bool
  ) async -> Outcome {
    var outcome = Outcome()
    let files = LinuxFiles(guarded: settings.sharedFolders)
    let folder = FilePath("/tmp/navette-check-\(UInt64.random(in: 0 ... .max))")
    do {
      try StateOwnership.becomeOwner(of: StateFolder(state), files)
      try files.makeDirectory(folder, mode: AccessMode(rawValue: 0o700))
      defer { try? files.removeTree(folder) }
      let store = try makeStore(settings, files: files, memory: memory(of: settings, state, files)) {
        SystemClock.wall()
      }
      let proven = try ProvenStore(
        store, settings, host: host, folder: folder.appending("probes"),
        memory: ProofMemory(try proofFile(settings.name, state, folder, files), files: files), files: files
      ) { SystemClock.wall() }
      let key = proven.probeKey
      let probe = try probeFile(in: folder, files)
      if let end = store.traits.expires {
        outcome.tell(AccessEnd(store: settings.name, at: end), now: SystemClock.wall())
      }
      var isOld = false
      await outcome.step("put") { isOld = try await put(probe, at: key, store) }
      // Nobody there, or nobody that we trust: the other rights cannot be asked for.
      if let last = outcome.last, last.kind == .unreachable || last.kind == .untrusted { return outcome }
      if outcome.code == .done {
        await outcome.step("get") {
          let receipt = try await store.read(key, into: folder.appending("back"))
          if !isOld { try check(receipt, probe) }
        }
      } else {
        outcome.lines.append("get: not tried, since there is nothing to get")
      }
      await outcome.step("list") { try await store.list(key.description) { _ in } }
      let mayTry = outcome.lines.contains("put: yes")
      // Also where nothing was put: services say first that it is forbidden.
      await outcome.step("delete") { try await store.delete(key) }
      if isSentTo, mayTry { await outcome.judge(proven, settings) }
    } catch let fault as StoreFault {
      outcome.fail(fault.description, fault.kind)
    } catch {
      outcome.fail("\(error)", .refused)
    }
    return outcome
  }

  /// For a store from which feeds fetch and to which nothing is sent: nothing is written. What is not there stands for what is, since
  /// services say first that it is forbidden.
  public static func run(_ settings: StoreSettings, state: FilePath, pulls: [FeedSettings.Pull]) async -> Outcome {
    var outcome = Outcome()
    let files = LinuxFiles(guarded: settings.sharedFolders)
    do {
      try StateOwnership.becomeOwner(of: StateFolder(state), files)
      let store = try makeStore(settings, files: files, memory: memory(of: settings, state, files)) {
        SystemClock.wall()
      }
      if let end = store.traits.expires {
        outcome.tell(AccessEnd(store: settings.name, at: end), now: SystemClock.wall())
      }
      for pull in pulls {
        let prefix = String(pull.prefix.drop { $0 == "/" })
        let smallest = Locked<ListedObject?>(nil)
        await outcome.step("list \(prefix)") {
          try await store.list(prefix) { page in
            let found = page.min { $0.size < $1.size }
            smallest.withLock { if $0 == nil { $0 = found } }
          }
        }
        if let last = outcome.last, last.kind == .unreachable || last.kind == .untrusted { return outcome }
        let nothing = StoreKey(listed: "\(prefix)navette-probe-\(UInt64.random(in: 0 ... .max))")
        let object = smallest.withLock { $0 }.flatMap { $0.size <= Limits.probeBytes ? StoreKey(listed: $0.key) : nil }
        guard let nothing else { continue }
        await outcome.step("get") { _ = try await store.readBack(object ?? nothing) }
        if pull.after == .delete { await outcome.step("delete") { try await store.delete(nothing) } }
      }
    } catch let fault as StoreFault {
      outcome.fail(fault.description, fault.kind)
    } catch {
      outcome.fail("\(error)", .refused)
    }
    return outcome
  }

  /// - Returns: whether the store holds a probe of an earlier time, which it does not let us delete.
  private static func put(
    _ probe: StoredFile, at key: StoreKey, _ store: any RemoteStore
  ) async throws(StoreFault) -> Bool {
    do throws(StoreFault) {
      _ = try await store.create(probe, at: key)
    } catch {
      guard error.kind == .mismatch else { throw error }
      do { try await store.delete(key) } catch { return true }
      _ = try await store.create(probe, at: key)
    }
    return false
  }

  /// The agent need not try again what was tried here. Before its first start there is nothing to keep it in.
  private static func proofFile(
    _ store: StoreName, _ state: FilePath, _ folder: FilePath, _ files: any Files
  ) throws(FileFault) -> FilePath {
    try files.info(state) == nil ? folder.appending("proof.json") : StateFolder(state).proof(of: store)
  }

  private static func check(_ receipt: Receipt, _ probe: StoredFile) throws(StoreFault) {
    guard receipt.size == probe.size, receipt.sha256 == nil || receipt.sha256 == probe.sha256 else {
      throw StoreFault(
        .mismatch, "The probe came back with", at: counted(receipt.size, "byte"),
        why: "\(probe.size) were sent, or others")
    }
  }

  private static func probeFile(in folder: FilePath, _ files: any Files) throws -> StoredFile {
    let bytes = Array("a probe of navette check\n".utf8)
    let path = folder.appending("probe")
    try files.write(bytes, to: path)
    return StoredFile(
      path: path, size: UInt64(bytes.count), sha256: Digest(SHA256.hash(data: bytes)),
      md5: Hex.encode(Insecure.MD5.hash(data: bytes)),
      contentType: "text/plain")
  }
}

extension StoreCheck.Outcome {
  fileprivate mutating func tell(_ end: AccessEnd, now: Timestamp) {
    if end.at <= now { fail("access: \(end.words(now))", .expired) } else { lines.append("access: \(end.words(now))") }
  }

  fileprivate mutating func step(_ right: String, _ work: () async throws -> Void) async {
    do {
      try await work()
      lines.append("\(right): yes")
    } catch let fault as StoreFault {
      // Wrong keys are wrong for every right: once is enough.
      let isSame = last.map { $0.kind == fault.kind && $0.why == fault.why && $0.remedy == fault.remedy } ?? false
      fail(isSame ? "\(right): no, for the same reason" : "\(right): no. \(fault)", fault.kind)
      last = fault
    } catch {
      fail("\(right): no. \(error)", .refused)
    }
  }

  /// Whether it replaces objects.
  fileprivate mutating func judge(_ store: ProvenStore, _ settings: StoreSettings) async {
    guard settings.trust == .singleWriter else { return await step("create-only") { try await store.proveAnew() } }
    do {
      try await store.proveAnew()
      lines.append("create-only: yes, so trust: single_writer can go")
    } catch {
      lines.append("create-only: not known; trust: single_writer says that nobody else writes there")
    }
  }

  fileprivate mutating func fail(_ line: String, _ kind: StoreKind) {
    lines.append(line)
    code = kind.isAway ? .unreachable : .findings
  }
}
