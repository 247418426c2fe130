import Core

/// From the bytes of a file to its text: gzip is told by content and unpacked.
struct TextSource: ~Copyable {
  private var head: [UInt8]? = []
  private var inflater: Inflater?
  private(set) var isPacked = false
  private(set) var fault: GzipFault?

  /// - Parameter take: gets text, which is valid during the call only, and answers whether it wants more.
  mutating func feed(_ raw: UnsafeRawBufferPointer, _ take: (UnsafeBufferPointer<UInt8>) -> Bool) {
    guard var head else { return unpack(raw, take) }
    let part = raw.prefix(2 - head.count)
    head.append(contentsOf: part)
    self.head = head
    guard head.count == 2 else { return }
    begin(head, take)
    unpack(UnsafeRawBufferPointer(rebasing: raw.dropFirst(part.count)), take)
  }

  /// The file has ended.
  mutating func finish(_ take: (UnsafeBufferPointer<UInt8>) -> Bool) {
    if let head { begin(head, take) }
    guard fault == nil else { return }
    do throws(GzipFault) { try inflater?.finish() } catch { fault = error }
  }

  private mutating func begin(_ head: [UInt8], _ take: (UnsafeBufferPointer<UInt8>) -> Bool) {
    self.head = nil
    isPacked = Sniff(head) == .gzip
    if isPacked { inflater = Inflater() }
    head.withUnsafeBytes { unpack($0, take) }
  }

  private mutating func unpack(_ raw: UnsafeRawBufferPointer, _ take: (UnsafeBufferPointer<UInt8>) -> Bool) {
    guard fault == nil, !raw.isEmpty else { return }
    guard var live = inflater.take() else {
      _ = raw.withMemoryRebound(to: UInt8.self) { take($0) }
      return
    }
    do throws(GzipFault) {
      try live.write(raw) { piece in piece.withMemoryRebound(to: UInt8.self) { take($0) } }
    } catch {
      fault = error
    }
    inflater = consume live
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
