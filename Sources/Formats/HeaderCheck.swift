import Core

/// What is wrong with a header's names. Names that were found are never told: where the header is missing, they are
/// values.
struct HeaderCheck {
  private(set) var reasons: [Reason] = []
  private(set) var doubtful: [Reason] = []

  init(names: [String], rules: TableRules) {
    var seen: [String: Int] = [:]
    for (index, name) in names.enumerated() {
      let column = index + 1
      if name.utf8.contains(0) {
        reasons.append(Reason(.nulByte, "The name of the column holds a NUL byte that quotes nothing", column: column))
      }
      if name.isEmpty {
        reasons.append(Reason(.noHeader, "The column has no name", column: column))
      } else if let earlier = seen[name] {
        doubtful.append(
          Reason(.duplicateColumn, "The column has the same name as column \(earlier)", column: column))
      } else {
        seen[name] = column
      }
    }
    if rules.columnsExact {
      checkOrder(names, rules)
    } else {
      for wanted in rules.columns where seen[wanted] == nil {
        reasons.append(Reason(.missingColumn, "The header has no column “\(wanted)”"))
      }
    }
    for wanted in rules.rows.named where seen[wanted] == nil && (rules.columnsExact || !rules.columns.contains(wanted))
    {
      reasons.append(Reason(.missingColumn, "The header has no column “\(wanted)”, which require names"))
    }
  }

  private mutating func checkOrder(_ names: [String], _ rules: TableRules) {
    let wanted = rules.columns
    for (index, pair) in zip(names, wanted).enumerated() where pair.0 != pair.1 {
      let message =
        rules.columnsAreOfSample
        ? "The column has another name than in require.sample" : "The column is not “\(pair.1)”"
      reasons.append(Reason(.missingColumn, message, column: index + 1))
    }
    if names.count != wanted.count {
      let message = "The header has \(counted(names.count, "column")), not the \(wanted.count) that are required"
      reasons.append(Reason(.missingColumn, message, column: min(names.count, wanted.count) + 1))
    }
  }
}
