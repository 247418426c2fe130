public import Core
import Crypto

/// SHA-256 and MD5 of the same bytes in one pass: what a store is told of an object.
public struct ObjectHasher {
  private var sha256 = SHA256()
  private var md5 = Insecure.MD5()

  public init() {}

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    sha256.update(bufferPointer: bytes)
    md5.update(bufferPointer: bytes)
  }

  /// - Returns: the digest, and the MD5 as 32 lower-case hex digits.
  public func finish() -> (sha256: Core.Digest, md5: String) {
    (Core.Digest(sha256.finalize()), Hex.encode(md5.finalize()))
  }
}

/// SHA-256 alone.
public struct DigestHasher {
  private var sha256 = SHA256()

  public init() {}

  public mutating func update(_ bytes: UnsafeRawBufferPointer) { sha256.update(bufferPointer: bytes) }
  public func finish() -> Core.Digest { Core.Digest(sha256.finalize()) }

  public static func digest(of bytes: some Sequence<UInt8>) -> Core.Digest {
    Core.Digest(SHA256.hash(data: Array(bytes)))
  }
}
