import Core
import Crypto
public import Files
public import Store
public import SystemPackage
import Threads

/// Shows, on the store itself, that no object is ever replaced there. A service may accept `If-None-Match: *` and pass it over, a server
/// may rename over what is there: then two agents with one key replace each other's batches, and nobody learns of it.
///
/// Several want one name at once, then one more, then one more in parts: one of them may win at most, and only the first time.
public struct Preflight: Sendable {
  /// What it came to.
  public struct Outcome: Hashable, Sendable {
    /// What the service calls itself.
    public var server: String?
    /// The probe cannot be deleted: the next time it is there, and all of them must lose.
    public var isLeft = false
  }

  /// Two of ours want the same name.
  struct Lie: Error {
    let why: String
  }

  private let store: any RemoteStore
  private let name: String
  private let key: StoreKey
  private let folder: FilePath
  private let files: any Files

  /// - Parameters:
  ///   - name: the store's, for people.
  ///   - key: of the probe; always the same, since not every store lets it be deleted.
  ///   - folder: made for the probes, and removed.
  public init(_ store: any RemoteStore, name: String, key: StoreKey, folder: FilePath, files: any Files) {
    (self.store, self.name, self.key, self.folder, self.files) = (store, name, key, folder, files)
  }

  /// - Throws: `.unproven` where an object was replaced, or nothing can be tried; what passes by itself as what it is.
  public func run() async throws(StoreFault) -> Outcome {
    do throws(StoreFault) {
      return try await judged()
    } catch {
      throw explained(error)
    }
  }

  /// That another agent, or a `check` beside this one, has deleted the probe between two of our steps looks like a lie: only one that is told
  /// again counts.
  private func judged() async throws(StoreFault) -> Outcome {
    do {
      do {
        return try await once()
      } catch is Lie {
        _ = await asked { () throws(StoreFault) in try await store.delete(key) }
        await sleep(for: Limits.contestPause)
      }
      return try await once()
    } catch let lie as Lie {
      _ = await asked { () throws(StoreFault) in try await store.delete(key) }
      throw fault(lie.why)
    } catch let fault as StoreFault {
      throw fault
    } catch {
      throw StoreFault(.unreachable, "Cannot try store", at: name, why: "it was stopped")
    }
  }

  private func once() async throws -> Outcome {
    try await beThere()
    let probes = try await makeProbes()
    defer { try? clear() }
    let winners = try await race(probes.dropLast(2))
    guard winners.count <= 1 else {
      throw Lie(
        why: "\(winners.count) of \(Limits.contestants) that wanted one name at once were each told that it was theirs")
    }
    var outcome = Outcome()
    // A right to read is not needed for sending: where it is missing, this much is not known.
    let before: Result<Receipt?, StoreFault> = await asked { () throws(StoreFault) in try await store.stat(key) }
    if case .success(let receipt?) = before { outcome.server = receipt.server }
    for (probe, inParts) in zip(probes.suffix(2), [false, true])
    where try await insist(on: probe, inParts: inParts) == .won {
      if case .success(nil) = before {
        throw Lie(why: "what is put there is gone at once, so nobody can see whether it would be replaced")
      }
      throw Lie(why: "an object \(inParts ? "that came in parts " : "")was put in the place of another one")
    }
    if let winner = winners.first { try await compare(winner) }
    let left: Result<Void, StoreFault> = await asked { () throws(StoreFault) in try await store.delete(key) }
    if case .failure = left { outcome.isLeft = true }
    return outcome
  }

  /// A store that is away is one question, not a contest with its pauses. That we may not ask says nothing.
  private func beThere() async throws(StoreFault) {
    do throws(StoreFault) { _ = try await store.stat(key) } catch {
      switch error.kind {
      case .unreachable, .throttled, .untrusted: throw error
      default: break
      }
    }
  }

  private func asked<Value>(_ ask: () async throws(StoreFault) -> Value) async -> Result<Value, StoreFault> {
    do throws(StoreFault) { return .success(try await ask()) } catch { return .failure(error) }
  }

  // MARK: The contest

  /// - Returns: those that were told that the object is theirs.
  private func race(_ probes: ArraySlice<StoredFile>) async throws -> [StoredFile] {
    try await withThrowingTaskGroup(of: StoredFile?.self) { group in
      for probe in probes {
        group.addTask { try await insist(on: probe, inParts: false) == .won ? probe : nil }
      }
      return try await group.reduce(into: []) { winners, winner in if let winner { winners.append(winner) } }
    }
  }

  /// Services ask one of several that come at once to come again. What was lost on the way is lost for the contest: who asks again finds
  /// its own object, and loses.
  private func insist(on probe: StoredFile, inParts: Bool) async throws(StoreFault) -> Contest? {
    var pause = Limits.contestPause
    for _ in 1..<Limits.contestTries {
      do throws(StoreFault) {
        return try await store.contend(probe, at: key, inParts: inParts)
      } catch {
        switch error.kind {
        case .unreachable, .throttled:
          await sleep(for: pause)
          pause *= 4
        default: throw error
        }
      }
    }
    return try await store.contend(probe, at: key, inParts: inParts)
  }

  /// The one that won is the one that is there. Where it may not be read, its answer has to do.
  private func compare(_ winner: StoredFile) async throws {
    let found: Result<Receipt?, StoreFault> = await asked { () throws(StoreFault) in try await store.readBack(key) }
    guard case .success(let receipt?) = found, let sha256 = receipt.sha256 else { return }
    if sha256 != winner.sha256 { throw Lie(why: "an object was put in the place of another one, and was refused") }
  }

  // MARK: Probes

  /// As many as want the name, and two that come late; no two alike, and none like those of another run.
  private func makeProbes() async throws(StoreFault) -> [StoredFile] {
    do throws(FileFault) {
      // Those of a run that was killed.
      try clear()
      try files.ensureDirectory(folder)
      var probes: [StoredFile] = []
      for number in 1...Limits.contestants + 2 {
        let text = "navette tried here whether objects are replaced: \(number) \(UInt64.random(in: 0 ... .max))\n"
        let bytes = Array(text.utf8)
        let path = folder.appending(FileName("probe-\(number)"))
        let output = try files.create(path, mode: .stateFile)
        try bytes.withUnsafeBufferPointer { (raw) throws(FileFault) in
          try output.write(UnsafeRawBufferPointer(raw))
        }
        probes.append(
          StoredFile(
            path: path, size: UInt64(bytes.count), sha256: Core.Digest(SHA256.hash(data: bytes)),
            md5: Hex.encode(Insecure.MD5.hash(data: bytes)), contentType: "text/plain"))
      }
      return probes
    } catch {
      throw TransferFailure.file(error).fault("Cannot try store", at: name)
    }
  }

  private func clear() throws(FileFault) {
    guard try files.info(folder) != nil else { return }
    for name in try files.list(folder) { try files.remove(folder.appending(name)) }
    try files.remove(folder)
  }

  // MARK: Words

  private func fault(_ why: String) -> StoreFault {
    StoreFault(.unproven, "Cannot trust store", at: name, why: why, remedy: Self.remedy)
  }

  static let remedy =
    "Nothing is sent there. Use a service that keeps to If-None-Match, or a server that does not rename over a file; or, "
    + "where no other agent or program ever writes there, set the store's trust: single_writer"

  /// What the batch would be held for is no fault of any batch.
  private func explained(_ fault: StoreFault) -> StoreFault {
    let other = "Let it write below the store's probe, or set the store's trust: single_writer"
    switch fault.kind {
    case .unreachable, .throttled, .full, .untrusted, .expired, .unproven, .wrongPlace: return fault
    case .denied where fault.remedy != nil: return fault
    case .denied, .forbidden:
      let remedy = fault.remedy.map { "\($0). \(other)" } ?? other
      return StoreFault(.denied, fault.what, at: fault.place, why: fault.why, remedy: remedy)
    case .refused, .mismatch:
      return StoreFault(
        .unproven, "Cannot trust store", at: name, why: "nothing can be tried there: \(fault.description)",
        remedy: other)
    }
  }
}
