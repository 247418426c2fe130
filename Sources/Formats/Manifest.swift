public import Core
import FoundationEssentials

/// AEP's list of what one export wrote: `manifest-<destination>-<run>.json` (destinations guide, cloud storage,
/// "SFTP"). It tells names and sizes; no row count and no checksum.
public struct Manifest: Hashable, Sendable {
  public struct File: Hashable, Sendable {
    public let name: FileName
    /// The folder it was written to, as the sender sees it.
    public let folder: String?
    public let size: UInt64

    public init(name: FileName, folder: String?, size: UInt64) {
      self.name = name
      self.folder = folder
      self.size = size
    }
  }

  public enum Fault: Error, Hashable, Sendable {
    case tooLarge
    /// It is not JSON, or not of this shape; perhaps not written to its end yet.
    case unreadable
    /// A name that could not lie in one folder, or occurs twice.
    case badName
  }

  public static let maxBytes = Limits.manifestBytes

  public let run: String
  public let scheduledAt: Timestamp?
  public let files: [File]

  private struct Wire: Decodable {
    struct Result: Decodable {
      let sinkPath: String?
      let name: String
      let size: UInt64
    }
    let flowRunId: String
    let scheduledTime: String?
    let exportResults: [Result]
  }

  public init(_ bytes: [UInt8]) throws(Fault) {
    guard bytes.count <= Self.maxBytes else { throw .tooLarge }
    guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(bytes)) else { throw .unreadable }
    run = wire.flowRunId
    scheduledAt = wire.scheduledTime.flatMap { Timestamp(text: $0) }
    files = wire.exportResults.map { File(name: FileName($0.name), folder: $0.sinkPath, size: $0.size) }
    let isLegal = files.allSatisfy { file in
      let bytes = file.name.bytes
      return (1...Limits.nameBytes).contains(bytes.count) && !bytes.contains(0) && !bytes.contains(UInt8(ascii: "/"))
        && bytes != [46] && bytes != [46, 46]
    }
    guard isLegal, Set(files.map(\.name)).count == files.count else { throw .badName }
  }

  public init(run: String, scheduledAt: Timestamp? = nil, files: [File]) {
    (self.run, self.scheduledAt, self.files) = (run, scheduledAt, files)
  }

  /// What a listed file is called where its receiver packs files in place, as a hosted SFTP server does that runs full.
  public static func packed(_ name: FileName) -> FileName { FileName(bytes: name.bytes + Array(".gz".utf8)) }

  /// Whether a name says that the file is a manifest: `manifest-<destination>-<run>.json`, or shorter: AEP's documentation shows two UUIDs,
  /// and dataset exports have others.
  public static func isName(_ name: FileName) -> Bool {
    let text = String(decoding: name.bytes, as: UTF8.self).lowercased()
    guard text.hasPrefix("manifest"), text.hasSuffix(".json") else { return false }
    return text.dropFirst("manifest".count).first.map { "-_.".contains($0) } ?? false
  }
}
