import Core

/// A shared access signature: a query that is a key. Who has it may do what it says, until it ends.
struct SASToken: Sendable {
  /// Without the `?`; encoded as it came.
  let query: String
  /// `se`; nil where a stored policy of the container sets the end.
  let expires: Timestamp?

  /// Nil where the text is none.
  init?(_ text: String) {
    var text = trimmed(text)
    if text.hasPrefix("?") { text.removeFirst() }
    guard text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), !text.contains("#") else { return nil }
    var end: Timestamp?
    var isSigned = false
    for field in text.split(separator: "&") {
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      if parts[0] == "sig", !parts[1].isEmpty { isSigned = true }
      if parts[0] == "se" {
        guard let time = SASToken.time(String(parts[1])) else { return nil }
        end = time
      }
    }
    guard isSigned else { return nil }
    query = text
    expires = end
  }

  /// Not for print: the signature in both its forms.
  var secrets: [String] {
    query.split(separator: "&").filter { $0.hasPrefix("sig=") }.flatMap { field -> [String] in
      let value = String(field.dropFirst(4))
      return [value, FileName(escaped: value)?.plain ?? ""]
    }
  }

  /// A day, or a time to the minute or the second.
  private static func time(_ text: String) -> Timestamp? {
    guard let plain = FileName(escaped: text)?.plain else { return nil }
    if let time = Timestamp(text: plain, clamping: true) { return time }
    guard plain.hasSuffix("Z") else { return nil }
    return Timestamp(text: plain.dropLast() + ":00Z", clamping: true)
  }
}
