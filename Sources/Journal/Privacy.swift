import Core

/// An address can hide in a file name, a store's answer or a kernel's message. Nothing with an `@` leaves by the journal.
public enum Privacy {
  /// The text with each word or path component that holds an `@` replaced by its shape.
  ///
  /// A component of a path is masked whole, blanks included, because a name may hold more than the address. Elsewhere a
  /// word ends at blanks, quotes, brackets and the marks that join values.
  public static func masked(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
    if text.hasPrefix("/") {
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      return parts.map { FileName(String($0)).masked }.joined(separator: "/")
    }
    var result = ""
    var word = ""
    func close() {
      result += isAttribute(word) ? word : FileName(word).masked
      word = ""
    }
    for character in text {
      if separators.contains(character) || character.isWhitespace {
        close()
        result.append(character)
      } else {
        word.append(character)
      }
    }
    close()
    return result
  }

  /// Campaign's way to name a column, such as `@messageType`: nobody's address begins with the mark.
  private static func isAttribute(_ word: String) -> Bool {
    word.first == "@" && word.utf8.count > 1
      && word.utf8.dropFirst().allSatisfy { byte in
        (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      }
  }

  private static let separators: Set<Character> = [
    "/", "\"", "'", "(", ")", "[", "]", "{", "}", "<", ">", ",", ";", ":", "=", "«", "»", "“", "”", "‘", "’",
  ]
}
