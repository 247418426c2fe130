public import Core
public import Files
import FoundationEssentials
public import SystemPackage

/// That a store was seen to refuse a second object of one name: of which store it was, and when. It lies in the state folder, so that a
/// start does not ask again.
public struct Proof: Hashable, Sendable, Codable {
  public enum Outcome: String, Hashable, Sendable, Codable {
    case holds
    /// An object was replaced, or nothing could be tried.
    case fails
    /// The service has another version since.
    case outdated
  }

  var schema = 1
  public var at: Timestamp
  public var outcome: Outcome
  /// A digest of the place, of whose rights are used, and of where the probe lies; no secret goes into it.
  var store: String
  /// What services there called themselves then and since; each new one is a reason to try again.
  var servers: [String] = []

  /// Whether it still says something: nothing has changed since, and it is not too old.
  func holds(_ identity: Digest, at now: Timestamp) -> Bool {
    let age = now - at
    return outcome == .holds && store == identity.description && age < Limits.proofAge && age > .zero - Limits.proofAge
  }
}

/// Where the proof of one store is kept.
public struct ProofMemory: Sendable {
  private let file: FilePath
  private let files: any Files

  public init(_ file: FilePath, files: any Files) { (self.file, self.files) = (file, files) }

  /// Nil where there is none, or one that cannot be read: then it is tried again.
  public func read() -> Proof? {
    guard let bytes = try? files.contents(of: file, limit: Limits.proofBytes) else { return nil }
    return try? JSONDecoder().decode(Proof.self, from: Data(bytes))
  }

  /// What cannot be kept is tried again by the next life.
  func note(_ proof: Proof) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let bytes = try? encoder.encode(proof) else { return }
    do throws(FileFault) {
      try files.ensureDirectory(file.parent)
      try files.write(Array(bytes) + [UInt8(ascii: "\n")], to: file)
      try files.sync([file, file.parent])
    } catch {}
  }
}
