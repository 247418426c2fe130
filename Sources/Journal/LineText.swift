import Core

/// Text that stays on its line, whatever a file name or a server put into it: a control character could forge a second
/// event or repaint a terminal.
enum LineText {
  /// For the end of a line: control characters are escaped, everything else stays readable.
  static func message(_ text: String) -> String {
    isPlain(text) ? text : escaped(text, quotes: false)
  }

  /// For a field: bare where it is one plain word, else in quotes.
  static func value(_ text: String) -> String {
    let bare = !text.isEmpty && isPlain(text) && !text.utf8.contains { " \"\\=".utf8.contains($0) }
    // A bare value must not end in the colon that ends the fields.
    return bare && !text.hasSuffix(":") ? text : "\"\(escaped(text, quotes: true))\""
  }

  /// A JSON string, quotes included.
  static func json(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where isUnsafe(scalar):
        for unit in scalar.utf16 { result += "\\u" + hex(UInt32(unit), 4) }
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func isPlain(_ text: String) -> Bool { !text.unicodeScalars.contains(where: isUnsafe) }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\"" where quotes: result += "\\\""
      case "\\" where quotes: result += "\\\\"
      case _ where isUnsafe(scalar): result += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Controls, line and paragraph separators, and the marks that reorder or hide text on a terminal.
  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
    default: false
    }
  }

  private static func hex(_ value: UInt32, _ width: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
