import Core

/// Keys as they may be shown, and the nearest one to a mistyped one.
enum KeyText {
  /// A key that lacks the space after its colon holds its value too, perhaps a secret: only the part that looks like a key
  /// is shown.
  static func safe(_ key: String) -> String {
    let head = key.unicodeScalars.prefix(Limits.shownKeyCharacters).prefix {
      $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "_-.".unicodeScalars.contains($0))
    }
    return String(String.UnicodeScalarView(head)) + (head.count == key.unicodeScalars.count ? "" : "…")
  }

  static func path(_ parent: String, _ key: String) -> String {
    parent.isEmpty ? safe(key) : "\(parent).\(safe(key))"
  }

  /// The known word with the fewest edits, where they are few enough to be a slip.
  static func nearest(_ word: String, among known: [String]) -> String? {
    let word = safe(word).lowercased()
    let best = known.map { (edits(word, $0.lowercased()), $0) }.min { $0.0 < $1.0 }
    guard let (count, known) = best, count <= max(2, known.count / 3) else { return nil }
    return known
  }

  /// Optimal string alignment: insertions, deletions, changes and swaps of neighbours.
  static func edits(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8)
    let b = Array(b.utf8)
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      before = last
      last = row
    }
    return last[b.count]
  }

  /// `a, b or c`
  static func choice(_ words: [String], _ joint: String = "or") -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return "\(words.dropLast().joined(separator: ", ")) \(joint) \(last)"
  }
}
