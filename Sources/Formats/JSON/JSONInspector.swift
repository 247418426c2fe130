import Core

/// Checks one file of JSON lines as it is read, in one pass and in memory that does not grow with it.
public struct JSONInspector: ~Copyable {
  private let hashes: Bool
  private var hasher = DigestHasher()
  private var textHasher: TextHasher?
  private var rawBytes: UInt64 = 0
  private var lastByte: UInt8 = 0x0a
  private var source: TextSource? = TextSource(.utf8)
  private var text: JSONText

  /// - Parameters:
  ///   - hashes: false where only the objects are of interest.
  ///   - sink: is told of bad rows and of keys.
  public init(rules: JSONRules, hashes: Bool = true, sink: (any RowSink)? = nil) {
    text = JSONText(rules, sink)
    self.hashes = hashes
    textHasher = hashes ? TextHasher() : nil
  }

  public private(set) var isDecided = false

  /// The file's next bytes, as they arrived.
  public mutating func feed(_ raw: UnsafeRawBufferPointer) {
    guard !raw.isEmpty else { return }
    if hashes { hasher.update(raw) }
    rawBytes += UInt64(raw.count)
    guard !isDecided, var source = source.take() else { return }
    source.feed(raw) { read($0) }
    isDecided = source.fault != nil || text.isOver
    self.source = consume source
  }

  private mutating func read(_ piece: UnsafeBufferPointer<UInt8>) {
    if text.isOver { return }
    textHasher?.update(UnsafeRawBufferPointer(piece))
    lastByte = piece.last ?? lastByte
    text.feed(piece)
  }

  /// The file has ended. To be called once.
  public mutating func finish() -> Inspection {
    var isPacked = false
    var fault: GzipFault?
    if var source = source.take() {
      if !isDecided { source.finish { read($0) } }
      (isPacked, fault) = (source.isPacked, source.fault)
    }
    let reasons = text.finish()
    let isWhole = fault == nil && !text.isOver
    return Inspection(
      sha256: hasher.finish(), rawBytes: rawBytes, textDigest: isWhole ? textHasher?.finish() : nil,
      isOpenEnded: isWhole && lastByte != 0x0a, textBytes: text.bytes, rows: text.rows, header: nil,
      headerDigest: DigestHasher.digest(of: []), delimiter: nil, escape: .double,
      compression: isPacked ? .gzip : .none, isWhole: isWhole,
      // How far the text went before the fault depends on zlib's buffers, so nothing else is said of it.
      badRows: text.badRows, reasons: fault.map { [$0.reason] } ?? reasons, doubtful: [], paths: text.paths,
      nullOnly: text.nullOnly)
  }
}
