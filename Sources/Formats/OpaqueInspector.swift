import Core

/// Looks at nothing but size and digest.
public struct OpaqueInspector: ~Copyable {
  private var hasher = DigestHasher()
  private var bytes: UInt64 = 0

  public init() {}

  public mutating func feed(_ raw: UnsafeRawBufferPointer) {
    hasher.update(raw)
    bytes += UInt64(raw.count)
  }

  /// To be called once.
  public mutating func finish() -> Inspection {
    Inspection(
      sha256: hasher.finish(), rawBytes: bytes, textDigest: nil, isOpenEnded: false, textBytes: 0, rows: 0, header: nil,
      headerDigest: DigestHasher.digest(of: []), delimiter: nil, escape: .double, compression: .none,
      reasons: bytes == 0 ? [Reason(.empty, "The file is empty")] : [], doubtful: [])
  }
}
