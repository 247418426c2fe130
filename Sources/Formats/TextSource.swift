import Core

/// The text of a file in UTF-8, from its bytes as they arrived: unpacked, and out of another encoding. A byte order mark stays where the
/// text was UTF-8 already.
struct TextSource: ~Copyable {
  private var head: [UInt8]? = []
  private var inflater: Inflater?
  private var transcoder: Transcoder?
  private var converted: [UInt8] = []
  private(set) var fault: GzipFault?
  private var hasBadText = false
  /// It is not what it was when it was checked.
  var isDamaged: Bool { fault != nil || hasBadText }
  /// Known once there were two bytes, or the end.
  private(set) var isPacked = false

  init(_ encoding: TableRules.Encoding) {
    transcoder =
      switch encoding {
      case .utf8: nil
      case .utf16: Transcoder(.utf16)
      case .latin1: Transcoder(.latin1)
      }
  }

  mutating func feed(_ raw: UnsafeRawBufferPointer, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    guard var head else { return unpack(raw, body) }
    let part = raw.prefix(2 - head.count)
    head.append(contentsOf: part)
    self.head = head
    guard head.count == 2 else { return }
    begin(head, body)
    unpack(UnsafeRawBufferPointer(rebasing: raw.dropFirst(part.count)), body)
  }

  mutating func finish(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    if let head { begin(head, body) }
    if fault == nil { do throws(GzipFault) { try inflater?.finish() } catch { fault = error } }
    transcoder?.finish(into: &converted)
    giveConverted(body)
  }

  private mutating func begin(_ head: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    self.head = nil
    isPacked = Sniff(head) == .gzip
    if isPacked { inflater = Inflater() }
    head.withUnsafeBytes { unpack($0, body) }
  }

  private mutating func unpack(_ raw: UnsafeRawBufferPointer, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    guard !isDamaged, !raw.isEmpty else { return }
    guard var live = inflater.take() else { return decode(raw, body) }
    do throws(GzipFault) {
      try live.write(raw) { piece in
        decode(piece, body)
        return true
      }
    } catch {
      fault = error
    }
    inflater = consume live
  }

  private mutating func decode(_ raw: UnsafeRawBufferPointer, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    raw.withMemoryRebound(to: UInt8.self) { bytes in
      guard transcoder != nil else { return body(bytes) }
      transcoder?.feed(bytes, into: &converted)
      giveConverted(body)
    }
  }

  private mutating func giveConverted(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    if transcoder?.fault != nil { hasBadText = true }
    guard !converted.isEmpty else { return }
    converted.withUnsafeBufferPointer { body($0) }
    converted.removeAll(keepingCapacity: true)
  }
}

extension GzipFault {
  var reason: Reason {
    switch self {
    case .damaged: Reason(.gzipDamaged, "The gzip data is damaged")
    case .truncated: Reason(.gzipTruncated, "The gzip data ends too early: the file is not complete")
    case .trailing: Reason(.gzipTrailing, "Something that is not gzip follows the gzip data")
    case .tooLarge: Reason(.tooLarge, "The text is larger than allowed")
    }
  }
}
