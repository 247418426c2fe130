import Core

/// The text of a file in UTF-8, from its bytes as they arrived: unpacked, and out of another encoding. A byte order mark stays where the
/// text was UTF-8 already.
struct TextSource: ~Copyable {
  private var head: [UInt8]? = []
  private var inflater: Inflater?
  private var transcoder: Transcoder?
  private var converted: [UInt8] = []
  /// It is not what it was when it was checked.
  private(set) var isDamaged = false
  /// Known once there were two bytes, or the end.
  var isPacked: Bool { inflater != nil }

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
    do throws(GzipFault) { try inflater?.finish() } catch { isDamaged = true }
    transcoder?.finish(into: &converted)
    giveConverted(body)
  }

  private mutating func begin(_ head: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    self.head = nil
    if Sniff(head) == .gzip { inflater = Inflater() }
    head.withUnsafeBytes { unpack($0, body) }
  }

  private mutating func unpack(_ raw: UnsafeRawBufferPointer, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    guard !isDamaged else { return }
    guard var live = inflater.take() else { return decode(raw, body) }
    do throws(GzipFault) {
      try live.write(raw) { piece in
        decode(piece, body)
        return true
      }
    } catch {
      isDamaged = true
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
    if transcoder?.fault != nil { isDamaged = true }
    guard !converted.isEmpty else { return }
    converted.withUnsafeBufferPointer { body($0) }
    converted.removeAll(keepingCapacity: true)
  }
}
