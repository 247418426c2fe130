import Core

extension RowSettings {
  mutating func read(_ section: Section) {
    section.read("check", .word, into: &check)
    section.read("max_bytes", .buffer(1...UInt64(Limits.longestValue)), into: &maxBytes)
    section.read("id", .text("the name of a column, or \"\"", empty: true), into: &id)
    section.read("timestamp", .text("the name of a column, or \"\"", empty: true), into: &timestamp)
    section.read("id_window", .count(0...10_000_000), into: &idWindow)
    if let replace = section.section("replace") {
      replace.read("backslash", .text(empty: true), into: &backslash)
      replace.read("line_break", .text(empty: true), into: &lineBreak)
      replace.finish()
    }
    section.finish()
  }
}

extension ShapeRules {
  /// Nil where something was reported.
  init?(_ section: Section) {
    var reader = ShapeReader(section: section)
    guard let rules = reader.read() else { return nil }
    self = rules
  }
}

/// Reads one `shape`.
private struct ShapeReader {
  let section: Section
  private var instance = ""
  private var rules = ShapeRules()
  private var isWhole = true

  init(section: Section) { self.section = section }

  mutating func read() -> ShapeRules? {
    instance = section.read("instance", .instance) ?? ""
    if let preset = section.read("preset", Kind<ShapePreset>.word) {
      do throws(ShapeTextFault) {
        rules = try preset.rules(instance: instance)
      } catch {
        report("preset", error)
      }
    }
    if let columns = section.section("columns") {
      columns.eachEntry { name, node, spot in column(name, node, spot) }
    }
    section.finish()
    if isWhole { check() }
    return isWhole ? rules : nil
  }

  private mutating func report(_ key: String, _ message: String, _ remedy: String? = nil) {
    isWhole = false
    let path = section.spot.child(key).path
    section.spot.walk.report(
      ConfigProblem(at: section.spot.walk.places[path] ?? section.place, key: path, message, remedy: remedy))
  }

  private mutating func report(_ key: String, _ fault: ShapeTextFault) {
    switch fault {
    case .open(let what): report(key, "the text has \(what)", "Write {NAME} for a column of the log, {{ for a brace")
    case .instance:
      report(
        key, "{instance} is used, and instance is missing",
        "Set shape.instance, such as acc-prod: the same on every host")
    case .host:
      report(
        key, "{host} in what is sent would give the same event another value on a second host",
        "Use {instance}, which is the same on every host")
    }
  }

  // MARK: - Columns

  private mutating func column(_ name: String, _ node: YamlNode, _ spot: Spot) {
    let key = "columns.\(name)"
    guard name.utf8.count <= 255, !name.isEmpty else { return report(key, "expected the name of a column") }
    switch node.value {
    case .scalar(let scalar) where scalar.isNull: rules.columns.removeAll { $0.name == name }
    case .scalar: if let value = text(name, node, spot) { set(name, value) } else { isWhole = false }
    case .map:
      if let value = rule(name, Section(node, place: node.place, spot: spot)) {
        set(name, value)
      } else {
        isWhole = false
      }
    case .list, .broken, .absent:
      isWhole = false
      spot.refuse(node, expected: "a column of the log, a text with {…}, or a map")
    }
  }

  private mutating func set(_ name: String, _ value: ShapeRules.Value) {
    if let index = rules.columns.firstIndex(where: { $0.name == name }) {
      rules.columns[index].value = value
    } else {
      rules.columns.append(.init(name, value))
    }
  }

  /// The name of a column, or a text made of several.
  private mutating func text(_ name: String, _ node: YamlNode, _ spot: Spot) -> ShapeRules.Value? {
    guard let text = Kind<String>.text("the name of a column of the log, or a text with {…}").read(node, spot) else {
      return nil
    }
    guard text.contains("{") || text.contains("}") else { return .source(SourceColumn(text)) }
    do throws(ShapeTextFault) {
      return .text(try ShapeText(text, instance: instance))
    } catch {
      report("columns.\(name)", error)
      return nil
    }
  }

  private mutating func rule(_ name: String, _ map: Section) -> ShapeRules.Value? {
    defer { map.finish() }
    if map.has("value") {
      return map.read("value", .text(empty: true)).map { .text(ShapeText([.constant($0)])) }
    }
    if map.has("format") || map.has("zone") || map.has("ambiguous") || map.has("decimals") { return time(name, map) }
    if map.has("map") || map.has("else") || map.has("skip") { return self.map(name, map) }
    return map.require("from", .sources(atMost: 1)).map { .source($0[0]) }
  }

  private mutating func time(_ name: String, _ map: Section) -> ShapeRules.Value? {
    var known: TimeRule?
    if case .time(let rule) = rules[name]?.value { known = rule }
    let from = known == nil ? map.require("from", .sources(atMost: 1)) : map.read("from", .sources(atMost: 1))
    let pattern =
      known == nil ? map.require("format", .timePattern) : map.read("format", .timePattern)
    // All keys are read before anything is given up: what is wrong with one makes none of the others unknown.
    let zone = map.read("zone", .timezone)
    let ambiguous = map.read("ambiguous", Kind<TimeRule.Ambiguous>.word)
    let decimals = map.read("decimals", .decimals)
    guard let source = from?.first ?? known?.from, let pattern = pattern ?? known?.pattern else { return nil }
    var rule = known ?? TimeRule(from: source, pattern: pattern, zone: nil)
    (rule.from, rule.pattern) = (source, pattern)
    rule.zone = zone ?? rule.zone
    rule.ambiguous = ambiguous ?? rule.ambiguous
    rule.decimals = decimals ?? rule.decimals
    return .time(rule)
  }

  private mutating func map(_ name: String, _ map: Section) -> ShapeRules.Value? {
    var known: ValueMap?
    if case .map(let rule) = rules[name]?.value { known = rule }
    let most = Limits.mapColumns
    let from = known == nil ? map.require("from", .sources(atMost: most)) : map.read("from", .sources(atMost: most))
    guard let from = from ?? known?.from else {
      for key in ["map", "skip", "else"] { _ = map.read(key, Kind<Bool>("a value") { _, _ in true }) }
      return nil
    }
    var entries: [(ValueMap.Key, ValueMap.Result)] = []
    if let section = map.section("map") {
      section.eachEntry { key, node, spot in
        guard let key = self.key(key, from.count, node, spot),
          let value = Kind<String>.text(empty: true).read(node, spot)
        else {
          isWhole = false
          return
        }
        entries.append((key, value == "skip" ? .skip : value == "aside" ? .aside : .value(value)))
      }
    }
    for text in map.read("skip", .texts) ?? [] {
      guard let key = ValueMap.Key(text, columns: from.count) else {
        report("columns.\(name).skip", Self.keyWords(from.count))
        continue
      }
      entries.append((key, .skip))
    }
    var otherwise = known?.otherwise ?? .aside
    if let word = map.read("else", .text("skip, aside, or a value", empty: true)) {
      otherwise = word == "skip" ? .skip : word == "aside" ? .aside : .value(word)
    }
    // What a preset knows of the same columns stays, behind what is said here.
    let older = known?.from == from ? known?.entries.map { ($0.key, $0.result) } ?? [] : []
    return .map(ValueMap(from: from, entries + older, otherwise: otherwise))
  }

  private mutating func key(_ text: String, _ columns: Int, _ node: YamlNode, _ spot: Spot) -> ValueMap.Key? {
    let key = ValueMap.Key(text, columns: columns)
    if key == nil { spot.refuse(node, Self.keyWords(columns)) }
    return key
  }

  private static func keyWords(_ columns: Int) -> String {
    "expected \(columns) values with commas between them, as many as from has columns; * is any value"
  }

  // MARK: - The whole

  private mutating func check() {
    if rules.columns.isEmpty { report("columns", "a shape needs columns", "Give columns, or a preset") }
    for column in rules.columns {
      let key = "columns.\(column.name)"
      switch column.value {
      case .time(let rule) where rule.zone == nil && !rule.pattern.hasOffset:
        report(
          section.spot.walk.places[section.spot.child(key).path] == nil ? "columns" : key,
          "the time zone of “\(column.name)” is missing, and Adobe's pages do not agree on what it is by itself",
          "Set columns: { \(column.name): { zone: UTC } }, or the zone that the workflow extracts in")
      case .text(let text):
        for name in text.shaped {
          guard let other = rules[name] else {
            report(key, "there is no column “\(name)” in this shape")
            continue
          }
          if case .text(let other) = other.value, !other.shaped.isEmpty {
            report(key, "“\(name)” has such a column in it itself", "Use the columns of the log that it is made of")
          }
        }
      case .source, .map, .time: break
      }
    }
  }
}

extension Kind where T == String {
  fileprivate static var instance: Kind<String> {
    .text("a name of letters, digits, dots, underscores and hyphens, such as acc-prod") { text in
      !text.isEmpty && text.utf8.count <= 64 && text.utf8.allSatisfy(Text.isNameByte)
    }
  }
}

extension Kind where T == Int {
  fileprivate static var decimals: Kind<Int> {
    .scalar("0 or 3", unquoted: true) { text in ["0": 0, "3": 3][text] }
  }
}

extension Kind where T == [String] {
  fileprivate static var texts: Kind<[String]> { .list(.text("values to skip", empty: true)) }
}

extension Kind where T == TimePattern {
  fileprivate static var timePattern: Kind<TimePattern> {
    let expected = "how the time is written, such as \"yyyy/MM/dd HH:mm:ss\""
    return Kind(expected) { node, spot in
      guard let text = Kind<String>.text(expected).read(node, spot) else { return nil }
      do throws(TimePattern.Fault) {
        return try TimePattern(text)
      } catch {
        spot.refuse(node, "the format cannot be used: \(error)", remedy: error.remedy)
        return nil
      }
    }
  }
}

extension Kind where T == [SourceColumn] {
  /// One name or a list of them.
  fileprivate static func sources(atMost most: Int) -> Kind<[SourceColumn]> {
    let expected = most == 1 ? "the name of a column of the log" : "a column of the log, or a list of up to \(most)"
    return Kind(expected) { node, spot in
      let name = Kind<String>.text("the name of a column of the log")
      if case .list(let nodes) = node.value {
        guard (1...most).contains(nodes.count) else {
          spot.refuse(node, expected: expected)
          return nil
        }
        let names = nodes.enumerated().compactMap { name.read($0.element, spot.child($0.offset)) }
        return names.count == nodes.count ? names.map { SourceColumn($0) } : nil
      }
      return name.read(node, spot).map { [SourceColumn($0)] }
    }
  }
}
