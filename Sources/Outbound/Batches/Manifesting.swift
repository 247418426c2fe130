import Core
import Files
import Formats
import Spool
import Store
import SystemPackage

/// What a store gets beside a batch, for whoever reads it there: see contract 7. Made of the plan alone, so that it is the same bytes
/// whenever it is made.
struct BatchManifest: Hashable, Sendable, Encodable {
  static let fileName: FileName = "manifest.json"

  struct Source: Hashable, Sendable, Encodable {
    let path: String
    let from: UInt64
    let to: UInt64
  }

  let schema = 1
  let batch, stream, host, key: String
  let rows: Int
  let bytes, compressedBytes: UInt64
  let sha256: String
  let sources: [Source]
  let sealedAt: String

  enum CodingKeys: String, CodingKey {
    case schema, batch, stream, host, key, rows, bytes, compressedBytes = "compressed_bytes", sha256, sources
    case sealedAt = "sealed_at"
  }

  init(_ plan: BatchPlan) {
    batch = plan.id.description
    stream = plan.stream.text
    host = plan.host
    key = plan.key
    rows = plan.rows
    bytes = plan.bytes
    compressedBytes = plan.compressedBytes
    sha256 = plan.sha256.description
    sources = plan.segments.map { Source(path: $0.path, from: $0.from, to: $0.to) }
    sealedAt = plan.sealedAt.iso()
  }

  /// `manifests/` and the object's own key: `manifests/opens/dt=2026-03-12/acc_opens_…_000042.json`.
  /// - Parameter prefix: without a slash at its end.
  static func key(_ prefix: String, of object: StoreKey) -> StoreKey? {
    let text = object.description
    let stem = [".csv.gz", ".gz"].first { text.hasSuffix($0) }.map { text.dropLast($0.count) } ?? text[...]
    return StoreKey("\(prefix)/\(stem).json")
  }

  /// Writes the file into the batch's folder, durably, where it is not there yet.
  static func file(of plan: BatchPlan, in folder: FilePath, _ files: any Files) throws(FileFault) -> StoredFile {
    let path = folder.appending(fileName)
    let bytes = encodePlan(BatchManifest(plan))
    if try files.info(path) == nil {
      try files.writePlan(BatchManifest(plan), to: path)
      try files.sync([path, folder])
    }
    var hasher = ObjectHasher()
    bytes.withUnsafeBufferPointer { hasher.update(UnsafeRawBufferPointer($0)) }
    let digests = hasher.finish()
    return StoredFile(
      path: path, size: UInt64(bytes.count), sha256: digests.sha256, md5: digests.md5,
      contentType: ContentType.of(fileName.description, beginning: bytes))
  }
}
