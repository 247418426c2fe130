import CScan

/// Which bytes mean something in a table's text.
struct Alphabet {
  static let comma = UInt8(ascii: ",")
  static let tab = UInt8(ascii: "\t")
  static let semicolon = UInt8(ascii: ";")
  static let pipe = UInt8(ascii: "|")
  static let colon = UInt8(ascii: ":")
  static let doubleQuote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")
  static let lineFeed: UInt8 = 0x0a
  static let carriageReturn: UInt8 = 0x0d

  /// Nil: nothing quotes.
  let quote: UInt8?
  /// None, one, or up to five.
  let separators: [UInt8]
  /// The same, the last one repeated until there are five.
  private let five: (UInt8, UInt8, UInt8, UInt8, UInt8)

  init(quote: UInt8?, separators: [UInt8]) {
    precondition(separators.count <= 5, "a block is compared with at most five separators")
    self.quote = quote
    self.separators = separators
    func at(_ index: Int) -> UInt8 { separators.isEmpty ? 0 : separators[min(index, separators.count - 1)] }
    five = (at(0), at(1), at(2), at(3), at(4))
  }

  @inline(__always)
  func separatorMask(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
    switch separators.count {
    case 0: 0
    case 1: cs_mask64(bytes, five.0)
    default:
      withUnsafeBytes(of: five) { raw in
        raw.baseAddress.map { cs_any64(bytes, $0.assumingMemoryBound(to: UInt8.self)) } ?? 0
      }
    }
  }
}

/// Up to 64 bytes of text, with a mask for each kind of byte that matters: bit i stands for byte i.
struct Block {
  static let size = 64

  /// 64 bytes are readable here, whatever `count` says.
  let bytes: UnsafePointer<UInt8>
  /// 1 to 64.
  let count: Int
  let quotes: UInt64
  let ends: UInt64
  let separators: UInt64

  /// A full block.
  @inline(__always)
  init(_ bytes: UnsafePointer<UInt8>, _ alphabet: borrowing Alphabet) {
    self.bytes = bytes
    count = Self.size
    quotes = alphabet.quote.map { cs_mask64(bytes, $0) } ?? 0
    ends = cs_mask64(bytes, Alphabet.lineFeed)
    separators = alphabet.separatorMask(bytes)
  }

  /// A shorter one, copied into 64 bytes of scratch so that the vector comparisons stay inside memory we own.
  init(short bytes: UnsafePointer<UInt8>, count: Int, scratch: UnsafeMutablePointer<UInt8>, _ alphabet: Alphabet) {
    scratch.update(repeating: 0, count: Self.size)
    scratch.update(from: bytes, count: count)
    let valid = Self.lowest(count)
    self.bytes = UnsafePointer(scratch)
    self.count = count
    quotes = (alphabet.quote.map { cs_mask64(scratch, $0) } ?? 0) & valid
    ends = cs_mask64(scratch, Alphabet.lineFeed) & valid
    separators = alphabet.separatorMask(scratch) & valid
  }

  /// The block at `offset`, full where as many bytes are left.
  @inline(__always)
  init(
    _ bytes: UnsafeBufferPointer<UInt8>, at offset: Int, scratch: UnsafeMutablePointer<UInt8>, _ alphabet: Alphabet
  ) {
    // `offset` lies inside, so the buffer is not empty and has an address.
    let start = bytes.baseAddress.unsafelyUnwrapped + offset
    let left = bytes.count - offset
    if left >= Self.size {
      self.init(start, alphabet)
    } else {
      self.init(short: start, count: left, scratch: scratch, alphabet)
    }
  }

  @inline(__always)
  var last: UInt64 { 1 << UInt64(count - 1) }
  @inline(__always)
  var valid: UInt64 { Self.lowest(count) }

  @inline(__always)
  func mask(of byte: UInt8) -> UInt64 { cs_mask64(bytes, byte) & valid }

  @inline(__always)
  static func lowest(_ count: Int) -> UInt64 { count >= size ? ~0 : (1 << UInt64(count)) - 1 }
}
