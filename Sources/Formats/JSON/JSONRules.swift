public import Core

/// What lines of JSON must be.
public struct JSONRules: Hashable, Sendable {
  /// Paths at which each object must hold something; null is something.
  public var required: [ValuePath] = []
  /// Whether all paths are gathered.
  public var gathers = false
  public var minRows = 1
  /// 0: no limit.
  public var maxRows = 0
  /// Of text, after unpacking.
  public var maxBytes: UInt64 = 20 << 30
  /// One line, without its end.
  public var maxRowBytes = 1 << 20

  /// What values must be, by paths, and which of them are keys. What is an object or an array counts as its text.
  public var rows = RowRules()
  /// Of the digests of keys.
  public var keySeed = KeySeed(0, 0)
  /// Bad rows may be left out of what is handed over, so a line may be longer than `maxRowBytes`.
  public var mayReject = false

  public init() {}

  var mostRowBytes: Int { mayReject ? maxRowBytes * Limits.longRows : maxRowBytes }
}

/// How objects become rows of a table.
public struct JSONTable: Hashable, Sendable {
  /// What becomes of an object or an array that holds more than single values, where a value is wanted.
  public enum Nested: Hashable, Sendable {
    case refuse
    /// Its text, without blanks.
    case json
  }

  public var columns: [PathColumn] = []
  /// Between the elements of an array.
  public var join = ";"
  /// Columns are all that was found: an object's values have columns of their own, so that where one column has a value and others lie
  /// below it, an object is no value of that one.
  public var isWhole = false
  public var nested = Nested.refuse
  /// What stands for null, and where there is nothing.
  public var null = ""
  public var missing = ""

  public init() {}
}
