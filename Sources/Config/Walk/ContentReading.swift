import Core

extension FeedSettings.Format {
  init(_ section: Section) {
    self.init()
    section.read("type", .word, into: &type)
    guard type == .delimited else {
      section.finish(elsewhere: Self.ofTables)
      return
    }
    section.read("delimiter", .delimiterOrAuto, into: &delimiter)
    section.read("quote", .quote, into: &quote)
    section.read("escape", .word, into: &escape)
    section.read("line_end", .word, into: &lineEnd)
    section.read("encoding", .word, into: &encoding)
    section.read("header", .flag, into: &header)
    section.finish()
  }

  private static let ofTables = others(
    ["delimiter", "quote", "escape", "line_end", "encoding", "header"], "format.type: delimited")
}

extension FeedSettings.Require {
  init(_ section: Section, _ type: FeedSettings.Format.ContentType) {
    self.init()
    section.read("empty", .word, into: &empty)
    section.read("max_bytes", .size(1...UInt64(Int64.max)), into: &maxBytes)
    guard type != .opaque else {
      section.finish(elsewhere: Self.ofRows)
      return
    }
    section.read("min_rows", .count(0...Int.max), into: &minRows)
    section.read("max_rows", .count(0...Int.max), into: &maxRows)
    section.read("max_row_bytes", .buffer(1...(256 << 20)), into: &maxRowBytes)
    section.read("row_change", .rowChange, into: &rowChange)
    readRows(section)
    guard type == .delimited else {
      section.read("columns", .list(.path), into: &columns)
      section.finish(elsewhere: Self.ofTables)
      return
    }
    section.read("columns", .list(.text("the name of a column")), into: &columns)
    section.read("columns_exact", .flag, into: &columnsExact)
    section.read("remember_columns", .flag, into: &rememberColumns)
    readSample(section)
    section.finish()
  }

  private static let ofTables = others(["columns_exact", "remember_columns", "sample"], "format.type: delimited")
  private static let ofRows = ofTables.merging(
    others(
      ["columns", "min_rows", "max_rows", "max_row_bytes", "row_change", "types", "not_null", "length"],
      "format.type: delimited and json")
  ) { one, _ in one }
}

extension FeedSettings.Rewrite {
  init(_ section: Section, _ type: FeedSettings.Format.ContentType) {
    self.init()
    section.read("delimiter", .delimiter, into: &delimiter)
    section.read("quote", .quote, into: &quote)
    section.read("line_end", .word, into: &lineEnd)
    section.read("encoding", .word, into: &encoding)
    section.read("compress", .word, into: &compress)
    section.read("replacement", .replacement, into: &replacement)
    guard type == .json else {
      section.finish(elsewhere: Self.ofObjects)
      return
    }
    section.read("columns", .pathColumns, into: &objects.columns)
    section.read("new_columns", .word, into: &objects.newColumns)
    section.read("path_separator", .pathSeparator, into: &objects.separator)
    section.read("join", .sign, into: &objects.join)
    section.read("nested", .word, into: &objects.nested)
    section.read("null_value", .sign, into: &objects.null)
    section.read("missing_value", .sign, into: &objects.missing)
    section.finish()
  }

  private static let ofObjects = others(
    ["columns", "new_columns", "path_separator", "join", "nested", "null_value", "missing_value"], "format.type: json")
}

/// Keys that have a meaning with another setting alone.
private func others(_ keys: [String], _ setting: String) -> [String: String] {
  Dictionary(uniqueKeysWithValues: keys.map { ($0, setting) })
}

extension Kind where T == String {
  /// Kept as it is written; that it can be read is sure then.
  static var path: Kind<String> {
    .text(#"a path such as person.name.lastName (\. for a dot in a key)"#) { ValuePath($0) != nil }
  }
  fileprivate static var pathSeparator: Kind<String> {
    .scalar(#"one of "." and "_""#) { [".", "_"].contains($0) ? $0 : nil }
  }
  fileprivate static var sign: Kind<String> {
    .scalar("a text of at most 16 characters, or \"\"") { text in
      text.isEmpty || Text.isLine(text) && text.unicodeScalars.count <= 16 ? text : nil
    }
  }
}

extension Kind where T == [PathColumn]? {
  /// Nil: all that are found.
  fileprivate static var pathColumns: Kind<[PathColumn]?> {
    let expected = "auto, or a map of columns such as email: personalEmail.address"
    return Kind(expected) { node, spot in
      switch node.value {
      case .scalar(let scalar) where scalar.text == "auto": return .some(nil)
      case .map(let entries) where !entries.isEmpty && entries.count <= Limits.jsonColumns:
        var columns: [PathColumn] = []
        for entry in entries {
          let below = spot.child(entry.key)
          guard let path = Kind<String>.path.read(entry.value, below).flatMap({ ValuePath($0) }) else { return nil }
          guard Text.isLine(entry.key), !entry.key.isEmpty else {
            spot.refuse(node, expected: "columns whose names are one line of text each")
            return nil
          }
          columns.append(PathColumn(entry.key, path))
        }
        return columns
      default:
        spot.refuse(node, expected: expected, words: ["auto"])
        return nil
      }
    }
  }
}
