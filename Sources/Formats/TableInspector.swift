import Core

/// Checks one file as it is read, in one pass and in memory that does not grow with it (the header line, at most
/// `maxRowBytes`, is all that is kept).
public struct TableInspector: ~Copyable {
  private enum Packing: Equatable { case unknown([UInt8]), none, gzip }

  private let rules: TableRules
  private let hashes: Bool
  private var hasher = DigestHasher()
  /// Nil: the text is the raw bytes, whose digest is enough.
  private var textHasher: TextHasher?
  private var rawBytes: UInt64 = 0
  private var packing = Packing.unknown([])
  private var inflater: Inflater?
  private var gzipFault: GzipFault?
  private var transcoder: Transcoder?
  private var converted: [UInt8] = []
  private var text: TableText
  /// Of the text, as UTF-8.
  private var lastByte: UInt8?
  private let room = MarkRoom()

  /// - Parameters:
  ///   - hashes: false where only the table is of interest: the digest costs more than all the rest, and is that of nothing then.
  ///   - sink: is told of bad rows and of keys.
  public init(rules: TableRules, hashes: Bool = true, sink: (any RowSink)? = nil) {
    self.rules = rules
    self.hashes = hashes
    text = TableText(rules: rules, sink: sink)
    transcoder =
      switch rules.encoding {
      case .utf8: nil
      case .utf16: Transcoder(.utf16)
      case .latin1: Transcoder(.latin1)
      }
  }

  /// The file is refused, and no further byte can change why. A reader may stop here if it does not need the SHA-256;
  /// that covers all raw bytes only if all of them were fed, which from here on costs nothing but the hash.
  public var isDecided: Bool { gzipFault != nil || text.fatal != nil }

  /// Rows so far, as few as they can be.
  public var rows: Int { text.rows }

  /// The file's next bytes, as they arrived: gzip is told by content and unpacked here.
  public mutating func feed(_ raw: UnsafeRawBufferPointer) {
    guard !raw.isEmpty else { return }
    if hashes { hasher.update(raw) }
    rawBytes += UInt64(raw.count)
    guard !isDecided else { return }
    guard case .unknown(var head) = packing else { return unpack(raw) }
    let part = raw.prefix(2 - head.count)
    head.append(contentsOf: part)
    packing = .unknown(head)
    guard head.count == 2 else { return }
    begin(head)
    if !isDecided { unpack(UnsafeRawBufferPointer(rebasing: raw.dropFirst(part.count))) }
  }

  /// The file has ended. To be called once.
  public mutating func finish() -> Inspection {
    if case .unknown(let head) = packing { begin(head) }
    if packing == .gzip, !isDecided {
      do throws(GzipFault) { try inflater?.finish() } catch { gzipFault = error }
    }
    if transcoder != nil, !isDecided {
      transcoder?.finish(into: &converted)
      readConverted()
    }
    let verdict = text.finish(in: room)
    var inspection = Inspection(
      sha256: hasher.finish(), rawBytes: rawBytes, textDigest: isDecided ? nil : textHasher?.finish(),
      isOpenEnded: !isDecided && lastByte.map { $0 != 0x0a && $0 != 0x0d } ?? false,
      textBytes: text.bytes, rows: verdict.rows, header: text.names,
      headerDigest: DigestHasher.digest(of: text.headerLine), delimiter: text.delimiter, escape: verdict.escape,
      hasSeparatorLine: text.separatorLine != nil, compression: packing == .gzip ? .gzip : .none, isWhole: !isDecided,
      badRows: verdict.badRows, needsReadingWith: verdict.needsReadingWith, reasons: verdict.reasons,
      doubtful: verdict.doubtful)
    if let gzipFault {
      // How far the text went before the fault depends on zlib's buffers, so nothing else is said of it.
      inspection.reasons = [gzipFault.reason]
      inspection.doubtful = []
    }
    return inspection
  }

  private mutating func begin(_ head: [UInt8]) {
    if Sniff(head) == .gzip {
      packing = .gzip
      inflater = Inflater()
    } else {
      packing = .none
    }
    // A mark may begin, or does not: then both digests are the same.
    let mayDiffer = packing == .gzip || transcoder != nil || head.starts(with: [0xef, 0xbb])
    textHasher = hashes && mayDiffer ? TextHasher() : nil
    head.withUnsafeBytes { unpack($0) }
  }

  private mutating func unpack(_ raw: UnsafeRawBufferPointer) {
    guard var live = inflater.take() else {
      read(raw)
      return
    }
    do throws(GzipFault) {
      try live.write(raw) { piece in
        read(piece)
        return text.fatal == nil
      }
    } catch {
      gzipFault = error
    }
    inflater = consume live
  }

  private mutating func read(_ piece: UnsafeRawBufferPointer) {
    if transcoder == nil {
      textHasher?.update(piece)
      lastByte = piece.last ?? lastByte
    }
    piece.withMemoryRebound(to: UInt8.self) { bytes in
      guard transcoder != nil else { return text.feed(bytes, in: room) }
      transcoder?.feed(bytes, into: &converted)
    }
    if !converted.isEmpty || transcoder?.fault != nil { readConverted() }
  }

  private mutating func readConverted() {
    converted.withUnsafeBytes { textHasher?.update($0) }
    lastByte = converted.last ?? lastByte
    converted.withUnsafeBufferPointer { text.feed($0, in: room) }
    converted.removeAll(keepingCapacity: true)
    if let fault = transcoder?.fault { text.refuse(fault, in: room) }
  }
}
