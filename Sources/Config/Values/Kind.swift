import Core
import SystemPackage

/// What a key takes: words for the error, and the way from a node to the value. `read` reports what it refuses.
struct Kind<T> {
  let expected: String
  let read: (YamlNode, Spot) -> T?

  init(_ expected: String, read: @escaping (YamlNode, Spot) -> T?) {
    self.expected = expected
    self.read = read
  }

  /// - Parameters:
  ///   - unquoted: a quoted text is refused, as for numbers.
  ///   - words: for "did you mean".
  static func scalar(
    _ expected: String, unquoted: Bool = false, words: [String] = [], _ parse: @escaping (String) -> T?
  ) -> Kind<T> {
    Kind(expected) { node, spot in
      guard case .scalar(let scalar) = node.value, !scalar.isNull, !unquoted || scalar.plain || scalar.expanded,
        let value = parse(scalar.text)
      else {
        spot.refuse(node, expected: expected, words: words)
        return nil
      }
      return value
    }
  }

  func map<U>(_ change: @escaping (T) -> U) -> Kind<U> {
    Kind<U>(expected) { node, spot in read(node, spot).map(change) }
  }

  /// The kind that takes a secret which is not there, and need not be, for what is given here.
  func orAbsent(_ value: T) -> Kind<T> {
    Kind(expected) { node, spot in
      guard case .absent(let problem) = node.value else { return read(node, spot) }
      spot.walk.goOn(without: problem)
      return value
    }
  }

  /// The kind whose faults never show a value.
  var hushed: Kind<T> { Kind(expected) { node, spot in read(node, spot.hushed) } }
}

extension Kind where T == Bool {
  static var flag: Kind<Bool> {
    .scalar("true or false", unquoted: true, words: ["true", "false"]) { ["true": true, "false": false][$0] }
  }
}

extension Kind where T == Int {
  static func count(_ range: ClosedRange<Int>) -> Kind<Int> {
    let bounds =
      range.upperBound == .max ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
    return .scalar("a whole number \(bounds)", unquoted: true) { text in
      Quantities.integer(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// A size that a buffer must hold.
  static func buffer(_ range: ClosedRange<UInt64>) -> Kind<Int> { Kind<UInt64>.size(range).map { Int($0) } }
}

extension Kind where T == UInt64 {
  static func size(_ range: ClosedRange<UInt64>) -> Kind<UInt64> {
    var words = "a size such as 256MiB, 10MB or a number of bytes"
    let top = Quantities.text(bytes: range.upperBound)
    switch (range.lowerBound > 0, range.upperBound < UInt64(Int64.max)) {
    case (true, true): words += ", from \(Quantities.text(bytes: range.lowerBound)) to \(top)"
    case (true, false): words += ", at least \(Quantities.text(bytes: range.lowerBound))"
    case (false, true): words += ", at most \(top)"
    case (false, false): break
    }
    return .scalar(words) { text in Quantities.size(text).flatMap { range.contains($0) ? $0 : nil } }
  }

  static var anySize: Kind<UInt64> { size(0...UInt64(Int64.max)) }
}

extension Kind where T == Duration {
  static func time(from low: Duration = .zero, to high: Duration) -> Kind<Duration> {
    let bounds = low == .zero ? "at most" : "from \(Quantities.text(low)) to"
    return .scalar("a time such as 30s, 15m or 4h, \(bounds) \(Quantities.text(high))") { text in
      Quantities.duration(text).flatMap { $0 >= low && $0 <= high ? $0 : nil }
    }
  }

  /// How long something is kept.
  static var keep: Kind<Duration> { time(to: Limits.longestKeep) }
}

extension Kind where T: RawRepresentable & CaseIterable, T.RawValue == String {
  /// One of the words of an enum.
  static var word: Kind<T> {
    let words = T.allCases.map(\.rawValue)
    return .scalar(KeyText.choice(words), words: words) { T(rawValue: $0) }
  }
}

extension Kind where T == TimeOfDay {
  static var timeOfDay: Kind<TimeOfDay> { .scalar("a time of day such as \"06:00\"") { Quantities.timeOfDay($0) } }
}

extension Kind where T == Secret {
  static var secret: Kind<Secret> {
    Kind<Secret>.scalar("a secret, best as ${credential:NAME} or ${file:/path}") { text in
      text.isEmpty ? nil : Secret(text)
    }.hushed.orAbsent(Secret(""))
  }
}

extension Kind where T == String {
  /// One line of text without control characters, of at most 1,000 bytes.
  static func text(_ expected: String = "a text", empty: Bool = false) -> Kind<String> {
    .scalar(expected) { text in Text.isLine(text) && (empty || !text.isEmpty) ? text : nil }
  }

  static func text(_ expected: String, where holds: @escaping (String) -> Bool) -> Kind<String> {
    .scalar(expected) { text in Text.isLine(text) && holds(text) ? text : nil }
  }

  static var timezone: Kind<String> {
    text("a time zone such as UTC or Europe/Paris") { text in
      !text.isEmpty && text.utf8.count <= 64 && !text.hasPrefix("/") && !text.contains("..")
        && text.utf8.allSatisfy { Text.isNameByte($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "+") }
    }
  }
}

extension Kind where T == FilePath {
  /// Absolute, without `.` and `..`, and not the root.
  static func path(_ what: String) -> Kind<FilePath> {
    .scalar("\(what): an absolute path without . or ..") { Text.absolutePath($0) }
  }
}

extension Kind {
  static func list<Element>(_ item: Kind<Element>, atLeast least: Int = 0) -> Kind<[Element]>
  where T == [Element], Element: Hashable {
    let expected = "a list, each of it \(item.expected)"
    return Kind(expected) { node, spot in
      guard case .list(let nodes) = node.value, nodes.count >= least else {
        spot.refuse(node, expected: least > 0 ? "\(expected), with at least one" : expected)
        return nil
      }
      var values: [Element] = []
      for (index, node) in nodes.enumerated() {
        let spot = spot.child(index)
        spot.walk.note(node.place, of: spot.path)
        guard let value = item.read(node, spot) else { continue }
        if values.contains(value) { spot.refuse(node, "this value stands in the list twice") }
        values.append(value)
      }
      return values.count == nodes.count ? values : nil
    }
  }

  /// A map from texts to texts.
  static func texts(_ what: String) -> Kind<[String: String]> where T == [String: String] {
    Kind(what) { node, spot in
      guard case .map(let entries) = node.value else {
        spot.refuse(node, expected: what)
        return nil
      }
      var values: [String: String] = [:]
      for entry in entries {
        guard let text = Kind<String>.text(empty: true).read(entry.value, spot.child(entry.key)) else { continue }
        values[entry.key] = text
      }
      return values.count == entries.count ? values : nil
    }
  }
}
