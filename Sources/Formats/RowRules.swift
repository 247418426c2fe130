public import Core

/// What the values of a row must be, whatever kind of file it stands in. An empty value is of every type.
public struct RowRules: Hashable, Sendable {
  public struct Value: Hashable, Sendable {
    /// Nil: any.
    public var type: ValueType?
    /// It must not be empty.
    public var isRequired = false
    /// In characters; nil: any.
    public var maxLength: Int?
    public init(_ type: ValueType? = nil, isRequired: Bool = false, maxLength: Int? = nil) {
      (self.type, self.isRequired, self.maxLength) = (type, isRequired, maxLength)
    }
  }

  /// By the column's name.
  public var values: [String: Value] = [:]
  /// Columns whose values together no two rows may share; none: not looked at.
  public var unique: [String] = []
  /// Which of several rows with one key counts as good.
  public var keep = Keep.none
  public enum Keep: Hashable, Sendable { case none, first, last }

  public init() {}

  public var isEmpty: Bool { values.isEmpty && unique.isEmpty }
  /// Every column that a rule is for.
  public var named: [String] { Set(values.keys).union(unique).sorted() }
}

extension RowRules {
  /// Why a row is bad, for people: the column by its name in the rules, never a value.
  public func complaint(_ kind: BadRow.Kind, _ name: String) -> (Reason.Code, String) {
    switch kind {
    case .columns: (.columnCount, "The row has another number of columns than the header")
    case .tooLong: (.rowTooLong, "The row is longer than require.max_row_bytes")
    case .type: (.badType, "The value of “\(name)” is not \(values[name]?.type?.shown ?? "of its type")")
    case .null: (.missingValue, "“\(name)” is empty")
    case .length: (.valueTooLong, "The value of “\(name)” has more than \(values[name]?.maxLength ?? 0) characters")
    case .json: (.badJSON, "The line is no object of JSON")
    case .repeatedKey: (.repeatedKey, "A key stands twice in one object")
    case .missingKey: (.missingKey, "The object has no “\(name)”")
    case .duplicate: (.duplicateKey, "Another row has the same \(unique.map { "“\($0)”" }.joined(separator: " and "))")
    }
  }
}

/// What is wrong with one value. The value itself is never told.
public enum CellFault: UInt8, Hashable, Sendable { case type, null, length }

/// The rules for a table whose columns are known.
///
/// Cells come without quotes and escapes, and as valid UTF-8: row after row, the `wanted` columns in order.
public struct RowCheck: Sendable {
  private struct Wanted {
    var value = RowRules.Value()
    var isKey = false
  }

  /// Which columns are looked at, from 0, in ascending order.
  public let wanted: [Int]
  /// Columns that the rules name and the table does not have.
  public let missing: [String]
  /// There are unique keys, so `hash` is of use.
  public let hasKeys: Bool
  private let rules: [Wanted]
  private var hasher: KeyHasher
  private var hasValue = false

  /// - Parameters:
  ///   - names: of the table's columns, in order; of two with one name the first counts.
  ///   - seed: of the digests of keys: random, and one for all files that are compared.
  public init(_ rules: RowRules, names: [String], seed: KeySeed) {
    let places = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var wanted: [Int: Wanted] = [:]
    var missing: [String] = []
    for (name, value) in rules.values.sorted(by: { $0.key < $1.key }) {
      guard let place = places[name] else {
        missing.append(name)
        continue
      }
      wanted[place] = Wanted(value: value)
    }
    for name in rules.unique {
      if let place = places[name] {
        wanted[place, default: Wanted()].isKey = true
      } else if !missing.contains(name) {
        missing.append(name)
      }
    }
    self.wanted = wanted.keys.sorted()
    self.rules = self.wanted.compactMap { wanted[$0] }
    self.missing = missing
    hasKeys = !rules.unique.isEmpty
    hasher = KeyHasher(seed)
  }

  /// - Parameter index: of `wanted`.
  @inline(__always)
  public mutating func check(_ index: Int, _ cell: UnsafeBufferPointer<UInt8>) -> CellFault? {
    let rule = rules[index]
    if rule.isKey {
      hasher.add(cell)
      if !cell.isEmpty { hasValue = true }
    }
    if cell.isEmpty { return rule.value.isRequired ? .null : nil }
    if let most = rule.value.maxLength, cell.count > most, Self.characters(cell) > most { return .length }
    return rule.value.type?.holds(cell) == false ? .type : nil
  }

  /// The digest of the row's key; nil where all of it is empty, which is no key. The next row begins.
  public mutating func endRow() -> RowKey? {
    guard hasKeys else { return nil }
    defer { hasValue = false }
    return hasValue ? hasher.finish() : hasher.drop()
  }

  /// Of UTF-8: all bytes but those that continue a character.
  static func characters(_ cell: UnsafeBufferPointer<UInt8>) -> Int { cell.count { $0 & 0xc0 != 0x80 } }
}
