/// One table: its columns in SQL, of texts and whole numbers.
struct TableForm {
  let name: String
  private let columns: [String]
  private let key: String?

  /// - Parameter key: of more columns than one, or of one that is no number; nil: a column says so itself, and rows have numbers.
  init(_ name: String, _ columns: String, key: String? = nil) {
    self.init(
      name: name,
      columns: columns.split(separator: ",").map {
        $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      }, key: key)
  }

  private init(name: String, columns: [String], key: String?) {
    (self.name, self.columns, self.key) = (name, columns, key)
  }

  var hasRowID: Bool { key == nil }
  var names: String { columns.map { String($0.prefix { $0 != " " }) }.joined(separator: ", ") }

  func named(_ name: String) -> TableForm { TableForm(name: name, columns: columns, key: key) }

  var creation: String {
    let parts = columns.map { "\($0)\(TableForm.check($0))" } + (key.map { ["PRIMARY KEY (\($0))"] } ?? [])
    return "CREATE TABLE \(name) (\(parts.joined(separator: ", ")))\(hasRowID ? "" : " WITHOUT ROWID");\n"
  }

  /// A number of a row is one by itself.
  private static func check(_ column: String) -> String {
    let words = column.split(separator: " ")
    guard words.count >= 2, !column.hasSuffix("INTEGER PRIMARY KEY") else { return "" }
    let isSure = column.contains("NOT NULL") || column.contains("PRIMARY KEY")
    return " CHECK (\(isSure ? "" : "\(words[0]) IS NULL OR ")typeof(\(words[0])) = '\(words[1].lowercased())')"
  }
}
