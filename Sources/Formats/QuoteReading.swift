import CScan

/// One way to read quotes, carried from block to block: it tells which separators and line feeds are structure and
/// which are data.
///
/// - A quote opens a quoted field only as the field's first byte; elsewhere in an unquoted field it is data.
/// - Inside a quoted field `""` is a quote. The reading with backslashes takes `\"` for one as well, and `\\` for a backslash, so it
///   reads what Spark writes, and a mix of both; before anything else a backslash is data. That with apostrophes does the same with `'`.
/// - After a closing quote comes a separator or a line end. Other text there is taken as data, and counted in `strays`.
struct QuoteReading {
  enum State: UInt8 { case fieldStart, plain, quoted, quoteSeen, escaped }

  let escape: QuoteEscape
  private let escapeByte: UInt8?
  var state = State.fieldStart
  /// How often text followed a closing quote: the sign of a wrong reading.
  private(set) var strays = 0
  /// How often an escape was one.
  private(set) var escapes = 0
  /// Of the block read last: what does not lie in quotes.
  private(set) var outside: UInt64 = 0
  /// NUL quotes: where it does not, it is of no value, and `nuls` tells where in the block read last.
  let quotesByNUL: Bool
  private(set) var nuls: UInt64 = 0
  /// For tests: the byte-wise machine alone, which the block-wise one must equal.
  var scalarOnlyForTests = false

  init(_ escape: QuoteEscape, quotesByNUL: Bool = false, scalarOnlyForTests: Bool = false) {
    self.quotesByNUL = quotesByNUL
    self.escape = escape
    escapeByte = escape.byte
    self.scalarOnlyForTests = scalarOnlyForTests
  }

  /// In the same place, with another escape.
  func twin(_ escape: QuoteEscape, strays: Int, escapes: Int) -> QuoteReading {
    var twin = QuoteReading(escape, quotesByNUL: quotesByNUL, scalarOnlyForTests: scalarOnlyForTests)
    (twin.state, twin.strays, twin.escapes, twin.outside) = (state, self.strays + strays, escapes, outside)
    return twin
  }

  /// The state between two full blocks, but for an escape, as masks: all ones where text is inside quotes, the lowest bit for the
  /// others.
  struct Carried {
    var inside: UInt64
    var seen: UInt64
    var fieldStart: UInt64

    /// What of a block's separators and line ends is structure. Nil where a quote is not where it should be, text follows one that
    /// closed, or an escape or line end that is watched is among them: `advance` looks closer.
    @inline(__always)
    func structure(of block: cs_marks, _ escapes: EscapeWatch, _ lineEnds: LineEndWatch) -> UInt64? {
      let inside = block.within ^ self.inside
      let structure = (block.ends | block.separators) & ~inside
      let closing = block.quotes & ~inside
      let mayOpen = (structure | closing) << 1 | seen | fieldStart
      let next = closing << 1 | seen
      let behind = next & ~(structure | block.quotes | block.others) | next & block.quotes & escapes.doubled
      let odd = behind | block.quotes & inside & ~mayOpen | escapes.odd(in: block) & inside
      return odd | lineEnds.odd(in: block, outside: ~inside) == 0 ? structure : nil
    }

    @inline(__always)
    mutating func pass(_ block: cs_marks, _ structure: UInt64) {
      let inside = block.within ^ self.inside
      self.inside = 0 &- inside >> 63
      seen = (block.quotes & ~inside) >> 63
      fieldStart = structure >> 63
    }
  }

  var carried: Carried {
    get {
      Carried(
        inside: state == .quoted ? ~0 : 0, seen: state == .quoteSeen ? 1 : 0, fieldStart: state == .fieldStart ? 1 : 0)
    }
    set {
      state =
        newValue.inside != 0
        ? .quoted : newValue.seen != 0 ? .quoteSeen : newValue.fieldStart != 0 ? .fieldStart : .plain
    }
  }

  var isOpen: Bool { state == .quoted || state == .escaped }

  /// Reads one block; the answer marks its separators and line feeds that are structure.
  @inline(__always)
  mutating func advance(_ block: Block) -> UInt64 {
    if scalarOnlyForTests || state == .escaped { return advanceByByte(block) }
    return block.quotes == 0 ? advanceUnquoted(block) : advanceQuoted(block)
  }

  /// True where both readings would do the same with this block.
  @inline(__always)
  func agrees(with other: QuoteReading, on block: Block) -> Bool {
    guard state == other.state, state != .escaped else { return false }
    if block.quotes == 0 && state != .quoted { return true }
    return block.backslashes == 0
  }

  @inline(__always)
  private mutating func advanceUnquoted(_ block: Block) -> UInt64 {
    let structure = block.ends | block.separators
    nuls = 0
    switch state {
    case .quoted:
      if block.escapes(escape) != 0 { return advanceByByte(block) }
      outside = 0
      return 0
    case .quoteSeen where structure & 1 == 0 && block.carriageReturns(among: 1) == 0:
      return advanceByByte(block)
    default:
      state = structure & block.last != 0 ? .fieldStart : .plain
      outside = ~0
      return structure
    }
  }

  @inline(__always)
  private mutating func advanceQuoted(_ block: Block) -> UInt64 {
    let quotes = block.quotes
    // Rare: byte by byte.
    if block.escapes(escape) != 0 { return advanceByByte(block) }
    // Bit i: inside a quoted field behind byte i. A doubled quote closes and opens again, which comes to the same.
    var inside = quotes
    inside ^= inside << 1
    inside ^= inside << 2
    inside ^= inside << 4
    inside ^= inside << 8
    inside ^= inside << 16
    inside ^= inside << 32
    if state == .quoted { inside = ~inside }
    let structure = (block.ends | block.separators) & ~inside
    let opening = quotes & inside
    let closing = quotes & ~inside
    let seen: UInt64 = state == .quoteSeen ? 1 : 0
    let mayOpen = (structure | closing) << 1 | seen | (state == .fieldStart ? 1 : 0)
    if opening & ~mayOpen != 0 { return advanceByByte(block) }
    if quotesByNUL, (closing << 1 | seen) & quotes != 0 { return advanceByByte(block) }
    let behind = (closing << 1 | seen) & block.valid & ~(structure | quotes)
    if behind != 0, block.carriageReturns(among: behind) != behind { return advanceByByte(block) }
    let last = block.last
    (outside, nuls) = (~inside, 0)
    if inside & last != 0 {
      state = .quoted
    } else if quotes & last != 0 {
      state = .quoteSeen
    } else {
      state = structure & last != 0 ? .fieldStart : .plain
    }
    return structure
  }

  /// The definition; everything above is a faster way to the same result.
  @inline(never)
  private mutating func advanceByByte(_ block: Block) -> UInt64 {
    var structure: UInt64 = 0
    (outside, nuls) = (0, 0)
    for index in 0..<block.count {
      let bit: UInt64 = 1 << UInt64(index)
      let isQuote = block.quotes & bit != 0
      if quotesByNUL, isQuote, state != .fieldStart, state != .quoted { nuls |= bit }
      if step(
        block.bytes[index], isQuote: isQuote,
        isStructural: (block.ends | block.separators) & bit != 0)
      {
        structure |= bit
      }
      if !isOpen { outside |= bit }
    }
    return structure
  }

  /// One byte; true where it is a separator or a line feed that ends a field.
  @inline(__always)
  mutating func step(_ byte: UInt8, isQuote: Bool, isStructural: Bool) -> Bool {
    switch state {
    case .escaped:
      if isQuote || byte == escapeByte { escapes += 1 }
      state = .quoted
      return false
    case .quoted:
      if isQuote {
        state = .quoteSeen
      } else if byte == escapeByte {
        state = .escaped
      }
      return false
    case .fieldStart, .quoteSeen:
      if isQuote {
        state = .quoted
        return false
      }
      if !isStructural && state == .quoteSeen && byte != Alphabet.carriageReturn { strays += 1 }
    case .plain: break
    }
    state = isStructural ? .fieldStart : .plain
    return isStructural
  }
}
