import CScan
import Core

/// Which bytes mean something in a table's text.
struct Alphabet {
  static let comma = UInt8(ascii: ",")
  static let tab = UInt8(ascii: "\t")
  static let semicolon = UInt8(ascii: ";")
  static let pipe = UInt8(ascii: "|")
  static let colon = UInt8(ascii: ":")
  static let doubleQuote = UInt8(ascii: "\"")
  static let apostrophe = UInt8(ascii: "'")
  static let backslash = UInt8(ascii: "\\")
  static let lineFeed: UInt8 = 0x0a
  static let carriageReturn: UInt8 = 0x0d

  /// Nil: nothing quotes.
  let quote: UInt8?
  /// None, one, or up to five.
  let separators: [UInt8]
  fileprivate let bytes: cs_alphabet

  init(quote: UInt8?, separators: [UInt8], lineEnd: TableRules.LineEnd = .auto, hasApostrophes: Bool = false) {
    precondition(separators.count <= 5, "a block is compared with at most five separators")
    self.quote = quote
    self.separators = separators
    func at(_ index: Int) -> UInt8 { index < separators.count ? separators[index] : 0 }
    bytes = cs_alphabet(
      quotes: quote != nil, apostrophes: hasApostrophes, quote: quote ?? 0, count: UInt8(separators.count),
      separators: (at(0), at(1), at(2), at(3), at(4)), end: lineEnd.byte, other: lineEnd.other)
  }
}

/// Up to 64 bytes of text, with a mask for each kind of byte that matters: bit i stands for byte i.
struct Block {
  static let size = 64

  let bytes: UnsafePointer<UInt8>
  /// 1 to 64.
  let count: Int
  let quotes: UInt64
  let backslashes: UInt64
  let apostrophes: UInt64
  let ends: UInt64
  /// Of line feed and carriage return the one that is no end.
  let others: UInt64
  let separators: UInt64

  /// What was marked; of a shorter block only what lies in it.
  @inline(__always)
  fileprivate init(_ bytes: UnsafePointer<UInt8>, count: Int, _ marks: cs_marks) {
    let valid = Self.lowest(count)
    self.bytes = bytes
    self.count = count
    quotes = marks.quotes & valid
    backslashes = marks.backslashes & valid
    apostrophes = marks.apostrophes & valid
    ends = marks.ends & valid
    others = marks.others & valid
    separators = marks.separators & valid
  }

  /// The block at `offset`, full where as many bytes are left.
  @inline(__always)
  init(_ text: UnsafeBufferPointer<UInt8>, at offset: Int, _ alphabet: borrowing Alphabet) {
    // `offset` lies inside, so the buffer is not empty and has an address.
    let start = text.baseAddress.unsafelyUnwrapped + offset
    let count = min(text.count - offset, Self.size)
    self.init(start, count: count, count == Self.size ? Self.mark(start, alphabet) : Self.mark(start, count, alphabet))
  }

  @inline(__always)
  var last: UInt64 { 1 << UInt64(count - 1) }
  @inline(__always)
  var valid: UInt64 { Self.lowest(count) }

  /// Those of the places that hold a carriage return, whatever ends a line.
  @inline(__always)
  func carriageReturns(among places: UInt64) -> UInt64 {
    var (left, found) = (places & valid, 0 as UInt64)
    while left != 0 {
      if bytes[left.trailingZeroBitCount] == Alphabet.carriageReturn { found |= left & (0 &- left) }
      left &= left &- 1
    }
    return found
  }

  /// What may be an escape: the byte before a quote or itself, or the last one. Before anything else it is data.
  @inline(__always)
  func escapes(_ escape: QuoteEscape) -> UInt64 {
    let bytes: UInt64 =
      switch escape {
      case .double: 0
      case .backslash: backslashes
      case .apostrophe: apostrophes
      }
    return bytes & ((quotes | bytes) >> 1 | last)
  }

  @inline(__always)
  static func lowest(_ count: Int) -> UInt64 { count >= size ? ~0 : (1 << UInt64(count)) - 1 }

  @inline(__always)
  fileprivate static func mark(_ bytes: UnsafePointer<UInt8>, _ alphabet: borrowing Alphabet) -> cs_marks {
    var marks = cs_marks()
    _ = withUnsafePointer(to: alphabet.bytes) { cs_mark(bytes, 1, $0, &marks) }
    return marks
  }

  /// Of fewer bytes than a block: copied, so that the comparisons stay inside memory that is ours.
  @inline(never)
  fileprivate static func mark(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ alphabet: borrowing Alphabet
  ) -> cs_marks {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { whole in
      whole.initialize(repeating: 0)
      for index in 0..<count { whole[index] = bytes[index] }
      // Never empty, so it has an address.
      return mark(whole.baseAddress.unsafelyUnwrapped, alphabet)
    }
  }
}

/// A stretch of text, marked in one go.
struct MarkedText {
  static let most = Limits.markedBytes

  let text: UnsafeBufferPointer<UInt8>
  /// Line ends in it, wherever they stand.
  let lines: Int
  /// Of each block; they stay as they are until more is marked in the same room.
  let marks: UnsafePointer<cs_marks>
  private let room: MarkRoom

  /// As much from the start of the text as is marked in one go.
  init(_ text: UnsafeBufferPointer<UInt8>, _ alphabet: borrowing Alphabet, in room: MarkRoom) {
    self.text = UnsafeBufferPointer(rebasing: text.prefix(Self.most))
    self.room = room
    marks = UnsafePointer(room.marks)
    guard let start = text.baseAddress else {
      lines = 0
      return
    }
    let full = self.text.count / Block.size
    var found = withUnsafePointer(to: alphabet.bytes) { cs_mark(start, full, $0, room.marks) }
    let rest = self.text.count % Block.size
    if rest > 0 {
      room.marks[full] = Block.mark(start + full * Block.size, rest, alphabet)
      found += (room.marks[full].ends & Block.lowest(rest)).nonzeroBitCount
    }
    lines = found
  }

  var blocks: Int { (text.count + Block.size - 1) / Block.size }

  /// Blocks of 64 bytes.
  var fullBlocks: Int { text.count / Block.size }

  @inline(__always)
  subscript(index: Int) -> Block {
    let offset = index &* Block.size
    // There is a block, so the text is not empty and has an address.
    return Block(
      text.baseAddress.unsafelyUnwrapped + offset, count: min(text.count &- offset, Block.size), marks[index])
  }
}

/// Where marks lie, from one stretch to the next.
final class MarkRoom {
  fileprivate let marks = UnsafeMutablePointer<cs_marks>.allocate(capacity: MarkedText.most / Block.size)

  deinit { marks.deallocate() }
}
