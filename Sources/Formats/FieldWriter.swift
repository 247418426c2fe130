/// Writes the values of one row after another in a dialect.
struct FieldWriter {
  /// Why a value cannot be written as it is.
  enum Obstacle: Hashable {
    case delimiter, lineBreak, character, emptyRow

    var message: String {
      switch self {
      case .delimiter: "The value holds the delimiter, and the dialect has no quotes"
      case .lineBreak: "The value holds a line break, and the dialect has no quotes"
      case .character: "The value holds a character that the encoding does not have"
      case .emptyRow: "The row is one empty value, which the dialect cannot write without quotes"
      }
    }
  }

  let rules: RewriteRules
  /// By byte: whether a value that holds it needs a closer look.
  private let special: [Bool]
  private(set) var row: [UInt8] = []
  private var isFirst = true

  init(_ rules: RewriteRules) {
    self.rules = rules
    var special = [Bool](repeating: false, count: 256)
    for byte in [rules.delimiter, 0x0a, 0x0d] { special[Int(byte)] = true }
    if let quote = rules.quote { special[Int(quote)] = true }
    if rules.encoding != .utf8 { for byte in 0x80...0xff { special[byte] = true } }
    self.special = special
  }

  /// One value, as UTF-8.
  mutating func append(_ field: [UInt8]) -> Obstacle? {
    if !isFirst { row.append(rules.delimiter) }
    isFirst = false
    guard field.contains(where: { special[Int($0)] }) else {
      row += field
      return nil
    }
    return appendSpecial(field)
  }

  private mutating func appendSpecial(_ field: [UInt8]) -> Obstacle? {
    var obstacle: Obstacle?
    let quotes = rules.quote.map { quote in
      field.contains { $0 == quote || $0 == rules.delimiter || $0 == 0x0a || $0 == 0x0d }
    }
    if quotes == true, let quote = rules.quote { row.append(quote) }
    for scalar in String(decoding: field, as: UTF8.self).unicodeScalars {
      if scalar.value == UInt32(rules.delimiter) || scalar == "\n" || scalar == "\r", quotes != true {
        obstacle = obstacle ?? (scalar.value == UInt32(rules.delimiter) ? .delimiter : .lineBreak)
        // Without one the table is refused; the place is kept all the same.
        _ = encode(rules.replacement ?? "?")
      } else if !encode(scalar) {
        obstacle = obstacle ?? .character
        // Without one the table is refused; the place is kept all the same.
        _ = encode(rules.replacement ?? "?")
      } else if quotes == true, scalar.value == rules.quote.map(UInt32.init) {
        // A quote inside is doubled.
        _ = encode(scalar)
      }
    }
    if quotes == true, let quote = rules.quote { row.append(quote) }
    return rules.replacement == nil ? obstacle : nil
  }

  private mutating func encode(_ scalar: Unicode.Scalar) -> Bool {
    if rules.encoding == .utf8 {
      row += UTF8.encode(scalar).map(Array.init) ?? []
      return true
    }
    guard let byte = OneByte.byte(scalar, rules.encoding) else { return false }
    row.append(byte)
    return true
  }

  /// A row of one empty value would be an empty line, which nobody takes for a row at the end of a table. Without quotes the replacement
  /// stands for the value.
  mutating func endRow(into out: inout [UInt8]) -> Obstacle? {
    var obstacle: Obstacle?
    if row.isEmpty {
      if let quote = rules.quote {
        row = [quote, quote]
      } else if let replacement = rules.replacement {
        _ = encode(replacement)
      } else {
        obstacle = .emptyRow
      }
    }
    out += row
    if rules.endsInCRLF { out.append(0x0d) }
    out.append(0x0a)
    row.removeAll(keepingCapacity: true)
    isFirst = true
    return obstacle
  }
}
