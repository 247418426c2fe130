public import Core

/// What was found in one file.
public struct Inspection: Hashable, Sendable {
  public enum Compression: Hashable, Sendable { case none, gzip }

  /// Of the raw bytes, as they arrived; nil where what was refused was not read to its end.
  public var sha256: Digest?
  public var rawBytes: UInt64
  /// Of the text, as UTF-8 without its mark, where that is not the raw bytes: of what was packed, has a mark, or is in another encoding.
  /// Nil otherwise, and where the text could not be read to its end.
  public var textDigest: Digest?
  /// The text was read to its end, and has no line end there.
  public var isOpenEnded: Bool
  /// Of text that was looked at: all of it, unless a reason ended the reading.
  public var textBytes: UInt64
  /// Rows of data: not the header, not empty lines at the end.
  public var rows: Int
  /// Column names. Where a file came without its header they are values of its first row: never log them.
  public var header: [String]?
  /// Of the header line's text without mark and line end; of nothing where there is no header.
  public var headerDigest: Digest
  /// Nil for a table of one column.
  public var delimiter: UInt8?
  /// How quotes are escaped. Where it makes no difference, in no way but twice.
  public var escape: QuoteEscape
  /// The first line is `sep=;`, and no part of the table.
  public var hasSeparatorLine = false
  public var compression: Compression
  /// It was read to its end, whatever was found.
  public var isWhole = true
  /// Rows that are not good by themselves: of duplicates only whoever counts keys knows.
  public var badRows = 0
  /// Cells were read as another reading of quotes has them than the one that fits: read it again with this one.
  public var needsReadingWith: QuoteEscape?
  /// Why the file must be refused: at most `Limits.reasons`, and one that counts what was left out. Empty: it passed.
  public var reasons: [Reason]
  /// Why a person should look at it, although it could be read.
  public var doubtful: [Reason]
  /// Of lines of JSON, where paths are gathered: all of them, in the order in which they were first seen.
  public var paths: [ValuePath] = []
  /// Of them, where nothing but null was found: perhaps in place of an object.
  public var nullOnly: Set<ValuePath> = []
}
