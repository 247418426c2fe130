import Core

/// The value of one column as bytes: strings without their escapes, numbers and words as they are spelled.
struct JSONCell {
  enum Obstacle: Hashable { case nested, join }

  let table: JSONTable
  private let join: [UInt8]
  private let null: [UInt8]
  private let missing: [UInt8]
  /// For what stands between elements and inside one as well.
  private let replacement: [UInt8]?

  init(_ table: JSONTable, replacement: Unicode.Scalar?) {
    self.table = table
    (join, null, missing) = (Array(table.join.utf8), Array(table.null.utf8), Array(table.missing.utf8))
    self.replacement = replacement.map { Array(String($0).utf8) }
  }

  /// - Parameter isSplit: columns of their own lie below this path.
  func write(
    _ value: JSONObject.Value, of line: UnsafeBufferPointer<UInt8>, isSplit: Bool, into field: inout [UInt8]
  ) throws(JSONObject.Fault) -> Obstacle? {
    let text = UnsafeBufferPointer(rebasing: line[value.range])
    switch value.kind {
    case .missing: field += missing
    case .null: field += null
    case .word, .number, .plain: field.append(contentsOf: text)
    case .escaped: try JSONString.unescape(text, into: &field)
    case .array: return try writeArray(text, into: &field)
    case .object where isSplit: field += missing
    case .object: return nested(text, into: &field)
    }
    return nil
  }

  private func writeArray(
    _ text: UnsafeBufferPointer<UInt8>, into field: inout [UInt8]
  ) throws(JSONObject.Fault) -> Obstacle? {
    let start = field.count
    var obstacle: Obstacle?
    var reader = Cursor(text)
    reader.advance()
    reader.skipBlanks()
    var isFirst = true
    while !reader.take(UInt8(ascii: "]")) {
      if !isFirst { field += join }
      isFirst = false
      let from = field.count
      switch reader.next {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        field.removeSubrange(start...)
        return nested(text, into: &field)
      case UInt8(ascii: "\""):
        let first = reader.at + 1
        let isEscaped = try reader.skipString()
        let element = reader.slice(first..<reader.at - 1)
        if isEscaped { try JSONString.unescape(element, into: &field) } else { field.append(contentsOf: element) }
      case UInt8(ascii: "n"):
        try reader.skip("null")
        field += null
      default:
        let first = reader.at
        while let byte = reader.next, ![0x20, 0x09, 0x0d, 0x2c, 0x5d].contains(byte) { reader.advance() }
        field.append(contentsOf: reader.slice(first..<reader.at))
      }
      if !separate(from, &field) { obstacle = .join }
      reader.skipBlanks()
      if reader.take(UInt8(ascii: ",")) { reader.skipBlanks() }
      if reader.isAtEnd { break }
    }
    return obstacle
  }

  /// An element that holds what stands between elements would be two of them.
  private func separate(_ from: Int, _ field: inout [UInt8]) -> Bool {
    guard !join.isEmpty, let sign = join.first, field[from...].contains(sign) else { return true }
    let element = String(decoding: field[from...], as: UTF8.self)
    guard element.utf8.count >= join.count, element.contains(table.join) else { return true }
    guard let replacement else { return false }
    field.removeSubrange(from...)
    field += element.replacing(table.join, with: String(decoding: replacement, as: UTF8.self)).utf8
    return true
  }

  private func nested(_ text: UnsafeBufferPointer<UInt8>, into field: inout [UInt8]) -> Obstacle? {
    guard table.nested == .json else { return .nested }
    var isQuoted = false
    var isEscaped = false
    for byte in text {
      if isQuoted {
        field.append(byte)
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else {
          isQuoted = byte != UInt8(ascii: "\"")
        }
      } else if ![0x20, 0x09, 0x0d].contains(byte) {
        field.append(byte)
        isQuoted = byte == UInt8(ascii: "\"")
      }
    }
    return nil
  }
}
