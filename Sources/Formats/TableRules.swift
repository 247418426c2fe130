import Core

/// What a table must be.
public struct TableRules: Hashable, Sendable {
  public enum Escape: Hashable, Sendable {
    /// All of the others are tried.
    case auto
    /// `\"`; a doubled quote is accepted as well.
    case backslash
    /// `'"`; the same.
    case apostrophe
    /// `""` (RFC 4180); a backslash is data.
    case double
  }

  /// How the text is written. A byte order mark is not part of it.
  public enum Encoding: Hashable, Sendable {
    case utf8
    /// With a mark; without one only where a Latin character is among the first.
    case utf16
    case latin1
  }

  /// What ends a line outside of quotes.
  public enum LineEnd: Hashable, Sendable {
    /// LF, or CRLF. Where a CR stands alone the table is refused: others take it for a line end.
    case auto
    /// LF, never CRLF; a CR elsewhere is data.
    case lf
    /// CRLF, never LF alone; a CR elsewhere is data.
    case crlf
    /// CR. A LF is refused.
    case cr

    /// The byte with which a line is over.
    var byte: UInt8 { self == .cr ? Alphabet.carriageReturn : Alphabet.lineFeed }
    /// What is written where it was left out; with `auto` one is as good as the other.
    var bytes: [UInt8] { self == .crlf ? [Alphabet.carriageReturn, Alphabet.lineFeed] : [byte] }
    var other: UInt8 { self == .cr ? Alphabet.lineFeed : Alphabet.carriageReturn }
    /// A CR before the end belongs to it.
    var mayHaveReturn: Bool { self == .auto || self == .crlf }
  }

  public var encoding = Encoding.utf8
  public var lineEnd = LineEnd.auto
  /// Nil: told from the first line and the rows behind it, among `,` tab `;` `|`: of those in which most rows are like the first
  /// line, the one with the most columns; `:` only where none of them is. None at all: a table of one column.
  public var delimiter: UInt8?
  /// Nil: nothing quotes, and each line end ends a row.
  public var quote: UInt8? = UInt8(ascii: "\"")
  public var escape = Escape.auto
  public var header = true
  /// A first line `sep=;` is left out of what is handed over.
  public var dropsSeparatorLine = false
  /// Names that the header must hold. Not looked at without a header.
  public var columns: [String] = []
  /// These and no others, in this order.
  public var columnsExact = false
  /// They are the first line of a file of somebody's: where that is no header, they are values, and never told.
  public var columnsAreOfSample = false
  public var minRows = 1
  /// 0: no limit.
  public var maxRows = 0
  /// Of text, after unpacking, as UTF-8.
  public var maxBytes: UInt64 = 20 << 30
  /// One row, without its line end.
  public var maxRowBytes = 1 << 20
  /// What its values must be.
  public var rows = RowRules()
  /// Of the digests of keys.
  public var keySeed = KeySeed(0, 0)
  /// Bad rows may be left out of what is handed over, so a row may be longer than `maxRowBytes`: by as much as shows that no quote is
  /// missing.
  public var mayReject = false
  /// By which cells are looked at, where several readings are tried.
  public var firstEscape: QuoteEscape?
  var mostRowBytes: Int { mayReject ? maxRowBytes * Limits.longRows : maxRowBytes }
  /// For tests: without the block-wise fast path.
  var scalarOnlyForTests = false

  public init() {}
}
