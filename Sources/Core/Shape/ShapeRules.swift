/// What the rows of a log become before they are sent: columns with names of their own, each made from columns of the log.
public struct ShapeRules: Hashable, Sendable {
  public struct Column: Hashable, Sendable {
    public let name: String
    public var value: Value
    public init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }
  }

  public enum Value: Hashable, Sendable {
    /// As it stands in the log.
    case source(SourceColumn)
    case text(ShapeText)
    case map(ValueMap)
    case time(TimeRule)
  }

  /// In the order in which they are sent.
  public var columns: [Column]

  public init(_ columns: [Column] = []) { self.columns = columns }

  public subscript(name: String) -> Column? { columns.first { $0.name == name } }
}

/// A column of a log, by the names that it may have there: the first one counts that the log has.
public struct SourceColumn: Hashable, Sendable {
  public let names: [String]
  /// Where the log has none of them, what is made of it is left out.
  public let isOptional: Bool
  public init(_ names: String..., isOptional: Bool = false) { (self.names, self.isOptional) = (names, isOptional) }
  public init(_ names: [String]) { (self.names, isOptional) = (names, false) }

  /// For people: the name, or all that would do.
  public var shown: String { names.map { "“\($0)”" }.joined(separator: " or ") }
}

/// Constants and columns, one behind the other, such as `{instance}:bl:{@id}`.
public struct ShapeText: Hashable, Sendable {
  public enum Piece: Hashable, Sendable {
    case constant(String)
    case source(SourceColumn)
    /// Another column that is sent.
    case shaped(String)
  }

  public let pieces: [Piece]
  public init(_ pieces: [Piece]) { self.pieces = pieces }

  /// Reads `{instance}`, `{columns.NAME}` (a column as it is sent) and `{NAME}` (one of the log); `{{` and `}}` are braces.
  /// - Parameter instance: what `{instance}` stands for.
  public init(_ text: String, instance: String) throws(ShapeTextFault) {
    var pieces: [Piece] = []
    var constant = ""
    var rest = Substring(text)
    while let mark = rest.first {
      rest.removeFirst()
      guard mark == "{" || mark == "}" else {
        constant.append(mark)
        continue
      }
      if rest.first == mark {
        rest.removeFirst()
        constant.append(mark)
        continue
      }
      guard mark == "{" else { throw .open("a } without a { before it") }
      guard let end = rest.firstIndex(of: "}") else { throw .open("a { that is never closed") }
      let name = String(rest[..<end])
      rest = rest[rest.index(after: end)...]
      switch name {
      case "": throw .open("{} without a name")
      case "host": throw .host
      case "instance":
        guard !instance.isEmpty else { throw .instance }
        constant += instance
        continue
      default: break
      }
      if !constant.isEmpty { pieces.append(.constant(constant)) }
      constant = ""
      let shaped = "columns."
      pieces.append(
        name.hasPrefix(shaped) ? .shaped(String(name.dropFirst(shaped.count))) : .source(SourceColumn(name)))
    }
    if !constant.isEmpty { pieces.append(.constant(constant)) }
    self.init(pieces)
  }

  /// Columns of the log, and columns that are sent.
  public var sources: [SourceColumn] { pieces.compactMap { if case .source(let column) = $0 { column } else { nil } } }
  public var shaped: [String] { pieces.compactMap { if case .shaped(let name) = $0 { name } else { nil } } }
}

/// Why a text is none that columns can be made of.
public enum ShapeTextFault: Error, Hashable, Sendable {
  case open(String)
  /// `{instance}`, and there is none.
  case instance
  /// `{host}`: a second host would send the same event under another id.
  case host
}

/// A value by the values of up to `Limits.mapColumns` columns.
public struct ValueMap: Hashable, Sendable {
  /// What one of the columns must hold; nil: anything.
  public struct Key: Hashable, Sendable {
    public let values: [String?]
    public init(_ values: [String?]) { self.values = values }

    /// Of one column the text is the value; of several, values stand between commas, and `*` is any.
    public init?(_ text: String, columns: Int) {
      let parts = columns == 1 ? [text] : text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == columns else { return nil }
      values = parts.map { $0 == "*" ? nil : $0 }
    }

    var wildcards: Int { values.count { $0 == nil } }
  }

  public enum Result: Hashable, Sendable {
    case value(String)
    /// The row is not sent, and that is well.
    case skip
    /// The row is kept for a person.
    case aside
  }

  public var from: [SourceColumn]
  /// The ones with the fewest `*` first.
  public private(set) var entries: [(key: Key, result: Result)] = []
  /// For what stands nowhere.
  public var otherwise = Result.aside

  public init(from: [SourceColumn], _ entries: [(Key, Result)], otherwise: Result = .aside) {
    self.from = from
    self.otherwise = otherwise
    // Of as many, those that were written first.
    self.entries = entries.enumerated().sorted {
      ($0.element.0.wildcards, $0.offset) < ($1.element.0.wildcards, $1.offset)
    }.map { (key: $0.element.0, result: $0.element.1) }
  }

  public static func == (one: ValueMap, other: ValueMap) -> Bool {
    one.from == other.from && one.otherwise == other.otherwise && one.entries.count == other.entries.count
      && zip(one.entries, other.entries).allSatisfy { $0.key == $1.key && $0.result == $1.result }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(from)
    hasher.combine(entries.map(\.key))
    hasher.combine(entries.map(\.result))
  }

  public func result(of values: [String]) -> Result { known(values) ?? otherwise }

  /// Nil for what stands nowhere.
  public func known(_ values: [String]) -> Result? {
    entries.first { entry in zip(entry.key.values, values).allSatisfy { $0 == nil || $0 == $1 } }?.result
  }
}

/// A time of the log, as `2026-03-12T06:00:00Z`.
public struct TimeRule: Hashable, Sendable {
  /// What is done with a time that comes twice, when clocks are put back.
  public enum Ambiguous: String, Hashable, Sendable, CaseIterable { case earlier, later, aside }

  public var from: SourceColumn
  public var pattern: TimePattern
  /// Of the time zone database; nil only where the pattern has an offset.
  public var zone: String?
  public var ambiguous = Ambiguous.aside
  /// 0 or 3.
  public var decimals = 0

  public init(from: SourceColumn, pattern: TimePattern, zone: String?) {
    (self.from, self.pattern, self.zone) = (from, pattern, zone)
  }
}
