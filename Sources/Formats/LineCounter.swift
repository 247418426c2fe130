/// Counts the lines of a text, packed or not.
public struct LineCounter: ~Copyable {
  private var source: TextSource? = TextSource(.utf8)
  private var lastByte: UInt8 = 0x0a
  private var ends = 0

  public init() {}

  /// So far.
  public var count: Int { ends + (lastByte == 0x0a ? 0 : 1) }
  /// What was packed cannot be unpacked.
  public private(set) var isDamaged = false

  public mutating func feed(_ raw: UnsafeRawBufferPointer) {
    guard var source = source.take() else { return }
    source.feed(raw) { read($0) }
    isDamaged = source.isDamaged
    self.source = consume source
  }

  public mutating func finish() {
    guard var source = source.take() else { return }
    source.finish { read($0) }
    isDamaged = source.isDamaged
  }

  private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
    var rest = text
    while let end = Bytes.first(0x0a, in: rest) {
      ends += 1
      rest = UnsafeBufferPointer(rebasing: rest[(end + 1)...])
    }
    lastByte = text.last ?? lastByte
  }
}
