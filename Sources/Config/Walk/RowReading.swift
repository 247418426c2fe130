import Core
import SystemPackage

extension FeedSettings.Require {
  /// What values must be, and which table drops must look like.
  mutating func readRows(_ section: Section) {
    section.read("types", .types, into: &types)
    section.read("not_null", .list(.column), into: &notNull)
    section.read("length", .lengths, into: &length)
  }

  mutating func readSample(_ section: Section) {
    section.read("sample", .path("a file with the header that drops must have"), into: &sample)
  }
}

extension FeedSettings.Rejects {
  init?(_ section: Section) {
    let bound = section.require("at_most", .rejectBound)
    section.finish()
    guard let bound else { return nil }
    self.init(atMost: bound)
  }
}

extension FeedSettings.Rejects.Bound: CustomStringConvertible {
  /// As it is written in the settings.
  public var description: String {
    switch self {
    case .rows(let count): "\(count)"
    case .share(let share):
      share % 100 == 0 ? "\(share / 100)%" : "\(share / 100).\(share % 100 < 10 ? "0" : "")\(share % 100)%"
    }
  }

  public func allows(_ bad: Int, of rows: Int) -> Bool {
    switch self {
    case .rows(let count): bad <= count
    // Rows are counted in files, so neither product overflows.
    case .share(let share): bad *| 10_000 <= rows *| share
    }
  }
}

extension Kind where T == String {
  fileprivate static var column: Kind<String> { .text("the name of a column") }
}

extension Kind where T == FeedSettings.Rejects.Bound {
  fileprivate static var rejectBound: Kind<FeedSettings.Rejects.Bound> {
    .scalar("a share of the rows such as 1% or 0.25%, or a number of rows such as 100") { text in
      if let count = Quantities.integer(text) { return count >= 1 ? .rows(count) : nil }
      return Quantities.share(text).map { .share($0) }
    }
  }
}

extension Kind where T == [String: ValueType] {
  /// A word, or a pattern, which tells itself by not being one.
  fileprivate static var types: Kind<[String: ValueType]> {
    let words = KeyText.choice(ValueType.words)
    return .byColumn("a map from columns to \(words), or a pattern such as \"[A-Z]{3}-[0-9]{7}\"") { text, node, spot in
      if let type = ValueType(word: text) { return type }
      let isWord = text.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "_") }
      if isWord {
        let near = KeyText.nearest(text, among: ValueType.words)
        spot.refuse(
          node, "expected \(words), or a pattern",
          remedy: near.map { "Did you mean \($0)?" } ?? "For these letters alone, write the pattern (\(text))")
        return nil
      }
      do throws(PatternFault) {
        return .pattern(try ValuePattern(text))
      } catch {
        spot.refuse(node, "this is no pattern: \(error)")
        return nil
      }
    }
  }
}

extension Kind where T == [String: Int] {
  fileprivate static var lengths: Kind<[String: Int]> {
    let expected = "a map from columns to the most characters of a value, such as 255"
    return .byColumn(expected) { text, node, spot in
      if let count = Quantities.integer(text), (1...Limits.longestValue).contains(count) { return count }
      spot.refuse(node, expected: "a whole number from 1 to \(Limits.longestValue)")
      return nil
    }
  }
}

extension Kind where T == FeedSettings.Unique? {
  /// A list of columns, or a map of them and of what is kept.
  static var unique: Kind<FeedSettings.Unique?> {
    let expected = "a list of columns, or a map with columns and keep"
    return Kind(expected) { node, spot in
      if case .map = node.value {
        let section = Section(node, place: node.place, spot: spot)
        let columns = section.require("columns", Kind<[String]>.list(.column, atLeast: 1))
        let keep = section.read("keep", Kind<FeedSettings.Unique.Keep>.word)
        section.finish()
        guard let columns else { return nil }
        var unique = FeedSettings.Unique(columns: columns)
        unique.keep = keep ?? unique.keep
        return .some(unique)
      }
      guard case .list = node.value else {
        spot.refuse(node, expected: expected)
        return nil
      }
      return Kind<[String]>.list(.column, atLeast: 1).read(node, spot).map { .some(FeedSettings.Unique(columns: $0)) }
    }
  }
}

extension Kind {
  /// A map from the names of columns; each value is a text that `parse` takes, or refuses.
  fileprivate static func byColumn<Value>(
    _ expected: String, _ parse: @escaping (String, YamlNode, Spot) -> Value?
  ) -> Kind<[String: Value]> where T == [String: Value] {
    Kind(expected) { node, spot in
      guard case .map(let entries) = node.value else {
        spot.refuse(node, expected: expected)
        return nil
      }
      var values: [String: Value] = [:]
      for entry in entries {
        let spot = spot.child(entry.key)
        spot.walk.note(entry.value.place, of: spot.path)
        guard case .scalar(let scalar) = entry.value.value, !scalar.isNull, Text.isLine(scalar.text),
          !scalar.text.isEmpty
        else {
          spot.refuse(entry.value, expected: "a text")
          continue
        }
        values[entry.key] = parse(scalar.text, entry.value, spot)
      }
      return values.count == entries.count ? values : nil
    }
  }
}
