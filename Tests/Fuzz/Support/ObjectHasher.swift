public import Core

/// Stands in for the real hashers, so that fuzzing need not build the crypto library: FNV-1a, widened.
public struct DigestHasher {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  public func finish() -> Digest {
    Digest((0..<32).map { UInt8(truncatingIfNeeded: state >> UInt64($0 % 8 * 8)) })
  }

  public static func digest(of bytes: some Sequence<UInt8>) -> Digest {
    var hasher = DigestHasher()
    Array(bytes).withUnsafeBytes { hasher.update($0) }
    return hasher.finish()
  }
}
