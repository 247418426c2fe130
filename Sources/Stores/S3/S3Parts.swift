import Core
import Crypto
import Files
import FoundationEssentials
import SystemPackage

/// How large objects are cut (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
struct S3Parts: Hashable, Sendable {
  /// Larger objects are sent in parts.
  var threshold = Limits.s3MultipartAbove
  /// Of all parts but the last, at least; AWS refuses less than 5 MiB.
  var smallest = Limits.s3PartBytes

  /// Of one object.
  static let most = 10_000
  /// Bytes of one object: AWS' bound.
  static let largestObject: UInt64 = 5 << 40

  /// Bytes of all parts but the last. Whole mebibytes, so that it is the same for nearly equal objects.
  func size(for object: UInt64) -> UInt64 {
    let mebibyte: UInt64 = 1 << 20
    let least = (object +| UInt64(S3Parts.most - 1)) / UInt64(S3Parts.most)
    return least <= smallest ? smallest : (least + mebibyte - 1) / mebibyte * mebibyte
  }
}

/// One part of a file, and what its bytes are.
struct S3Part: Hashable, Sendable {
  /// From 1 on.
  let number: Int
  let from: UInt64
  let size: UInt64
  let sha256: Core.Digest
  let md5: [UInt8]
}

/// A file, read once: the digests of its parts and of the whole.
struct S3Plan: Hashable, Sendable {
  let parts: [S3Part]
  let size: UInt64
  let sha256: Core.Digest

  /// Blocks.
  init(_ path: FilePath, partSize: UInt64, _ files: any Files) throws(FileFault) {
    var parts: [S3Part] = []
    var (sha256, md5) = (SHA256(), Insecure.MD5())
    var from: UInt64 = 0
    var filled: UInt64 = 0
    func endPart() {
      parts.append(
        S3Part(
          number: parts.count + 1, from: from, size: filled, sha256: Core.Digest(sha256.finalize()),
          md5: Array(md5.finalize())))
      from += filled
      (sha256, md5, filled) = (SHA256(), Insecure.MD5(), 0)
    }
    let whole = try files.digest(of: path) { (chunk) throws(FileFault) in
      var rest = chunk[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int(min(UInt64(rest.count), partSize - filled)))
        sha256.update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece))
        md5.update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece))
        filled += UInt64(piece.count)
        rest = rest.dropFirst(piece.count)
        if filled == partSize { endPart() }
      }
    }
    if filled > 0 || parts.isEmpty { endPart() }
    (self.parts, size, self.sha256) = (parts, whole.size, whole.sha256)
  }

  /// What S3 makes the ETag of: the MD5 of the parts' MD5s.
  var compositeMD5: String { Hex.encode(Insecure.MD5.hash(data: parts.flatMap(\.md5))) }

  /// The ETag of the whole, without its quotes.
  var tag: String { "\(compositeMD5)-\(parts.count)" }
}
