/// Why a header cannot be changed as asked. Columns are told by their position, from 1: a first line that is no header holds
/// somebody's data.
public struct HeaderComplaint: Error, Hashable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// The names of a log's columns, as its header line tells them.
public struct ColumnNames: Hashable, Sendable {
  /// As the fields say, quotes taken off.
  public let names: [String]
  /// Nil where there is one column.
  public let delimiter: UInt8?
  private let fields: [[UInt8]]

  /// - Parameter line: without its line end.
  public init(_ line: [UInt8]) {
    let line = line.starts(with: [0xef, 0xbb, 0xbf]) ? Array(line.dropFirst(3)) : line
    let candidates = [Alphabet.comma, Alphabet.tab, Alphabet.semicolon, Alphabet.pipe]
    let counted = candidates.map { ($0, ColumnNames.split(line, at: $0).count) }
    let best = counted.reduce((Alphabet.comma, 1)) { $1.1 > $0.1 ? $1 : $0 }
    delimiter = best.1 > 1 ? best.0 : nil
    fields = delimiter.map { ColumnNames.split(line, at: $0) } ?? [line]
    names = fields.map { String(decoding: ColumnNames.unquoted($0), as: UTF8.self) }
  }

  /// The header line with other names: those that `rename` gives, and what `sanitize` makes of the others: letters, digits and
  /// underscore. A name that stays is written as it was.
  /// - Throws: two columns would have one name, or one would have none.
  public func line(sanitize: Bool, rename: [String: String]) throws(HeaderComplaint) -> [UInt8] {
    var seen: [String: Int] = [:]
    var line: [UInt8] = []
    for (index, name) in names.enumerated() {
      let clean = ColumnNames.sanitized(name)
      let new = rename[name] ?? (sanitize ? rename[clean] ?? clean : name)
      if new.isEmpty, sanitize || new != name {
        throw HeaderComplaint("column \(index + 1) of \(names.count) would have no name")
      }
      if let other = seen.updateValue(index + 1, forKey: new), sanitize || !rename.isEmpty {
        throw HeaderComplaint("columns \(other) and \(index + 1) of \(names.count) would have one name")
      }
      if index > 0, let delimiter { line.append(delimiter) }
      line += new == name ? fields[index] : written(new)
    }
    return line
  }

  /// Where a column stands that is called so, in the log or as `line` names it; from 0.
  public func index(of name: String, sanitize: Bool, rename: [String: String]) -> Int? {
    names.firstIndex(of: name)
      ?? names.firstIndex { raw in
        let clean = ColumnNames.sanitized(raw)
        return (rename[raw] ?? (sanitize ? rename[clean] ?? clean : raw)) == name
      }
  }

  /// Letters, digits and underscore: each stretch of anything else becomes one underscore, and falls away at either end, so that
  /// `[@delivery-id]` becomes `delivery_id` and `_id` stays.
  public static func sanitized(_ name: String) -> String {
    var text = ""
    var isOwed = false
    for scalar in name.unicodeScalars {
      switch scalar {
      case "A"..."Z", "a"..."z", "0"..."9", "_":
        if isOwed, !text.isEmpty { text += "_" }
        isOwed = false
        text.unicodeScalars.append(scalar)
      default: isOwed = true
      }
    }
    return text
  }

  // MARK: - Fields

  private func written(_ name: String) -> [UInt8] {
    let bytes = Array(name.utf8)
    let special: Set<UInt8> = [0x22, 0x0a, 0x0d, delimiter ?? Alphabet.comma]
    guard bytes.contains(where: special.contains) else { return bytes }
    return [0x22] + bytes.flatMap { $0 == 0x22 ? [$0, $0] : [$0] } + [0x22]
  }

  static func split(_ line: [UInt8], at delimiter: UInt8) -> [[UInt8]] {
    var fields: [[UInt8]] = [[]]
    var isQuoted = false
    for byte in line {
      if byte == 0x22, isQuoted || fields[fields.count - 1].isEmpty || fields[fields.count - 1].first == 0x22 {
        isQuoted.toggle()
      }
      if byte == delimiter, !isQuoted { fields.append([]) } else { fields[fields.count - 1].append(byte) }
    }
    return fields
  }

  static func unquoted(_ field: [UInt8]) -> [UInt8] {
    guard field.count >= 2, field.first == 0x22, field.last == 0x22 else { return field }
    var name: [UInt8] = []
    var isHalf = false
    for byte in field.dropFirst().dropLast() {
      // Of two quotes one is meant.
      isHalf = byte == 0x22 && !isHalf
      if !isHalf { name.append(byte) }
    }
    return name
  }
}
