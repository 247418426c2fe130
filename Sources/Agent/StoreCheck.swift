public import Config
import Core
import Crypto
import Files
import Store
import Stores
import SystemPackage

/// Writes, reads and deletes a probe in a store, and says what each step came to.
public enum StoreCheck {
  public struct Outcome: Sendable {
    public fileprivate(set) var lines: [String] = []
    public fileprivate(set) var code = ExitCode.done
  }

  public static func run(_ settings: StoreSettings) async -> Outcome {
    var outcome = Outcome()
    let files = LinuxFiles()
    let folder = FilePath("/tmp/navette-check-\(UInt64.random(in: 0 ... .max))")
    do {
      try files.makeDirectory(folder, mode: AccessMode(rawValue: 0o700))
      defer { try? files.removeTree(folder) }
      let store = try makeStore(settings, files: files) { SystemClock.wall() }
      guard let key = StoreKey("navette-probe-\(UInt64.random(in: 0 ... .max))") else { return outcome }
      let probe = try probeFile(in: folder, files)
      outcome.tell(expiry: store.traits.expires, now: SystemClock.wall())
      await outcome.step("put") { _ = try await store.create(probe, at: key) }
      guard outcome.code == .done else { return outcome }
      await outcome.step("get") {
        let receipt = try await store.read(key, into: folder.appending("back"))
        guard receipt.size == probe.size else {
          throw StoreFault(
            .mismatch, "The probe came back with", at: "\(receipt.size) bytes", why: "\(probe.size) were sent")
        }
      }
      await outcome.step("list") { try await store.list(key.description) { _ in } }
      await outcome.step("delete") { try await store.delete(key) }
    } catch let fault as StoreFault {
      outcome.fail(fault.description, fault.kind)
    } catch {
      outcome.fail("\(error)", .refused)
    }
    return outcome
  }

  private static func probeFile(in folder: FilePath, _ files: any Files) throws -> StoredFile {
    let bytes = Array("a probe of navette check\n".utf8)
    let path = folder.appending("probe")
    try files.write(bytes, to: path)
    return StoredFile(
      path: path, size: UInt64(bytes.count), sha256: Digest(SHA256.hash(data: bytes)),
      md5: Hex.encode(Insecure.MD5.hash(data: bytes)))
  }
}

extension StoreCheck.Outcome {
  /// Of a SAS token: ahead of its end there is time to get another.
  mutating func tell(expiry: Timestamp?, now: Timestamp) {
    guard let expiry else { return }
    if expiry <= now { return fail("access: ended at \(expiry.iso()). Put a new sas_token in its place", .expired) }
    let days = (expiry - now).components.seconds / 86_400
    let left = days == 0 ? "today or tomorrow" : "in \(days) \(days == 1 ? "day" : "days")"
    lines.append("access: ends at \(expiry.iso()), \(left)" + (days < 7 ? ". Get a new sas_token in time" : ""))
  }

  fileprivate mutating func step(_ right: String, _ work: () async throws -> Void) async {
    do {
      try await work()
      lines.append("\(right): yes")
    } catch let fault as StoreFault {
      fail("\(right): no. \(fault)", fault.kind)
    } catch {
      fail("\(right): no. \(error)", .refused)
    }
  }

  fileprivate mutating func fail(_ line: String, _ kind: StoreKind) {
    lines.append(line)
    code = kind == .unreachable ? .unreachable : .findings
  }
}
