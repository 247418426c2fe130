public import Config
import Core
import Files
import Journal
import Outbound

/// What stands in the columns that say what a row is, as lines for a person: `navette check --values NAME`.
public enum StreamValues {
  /// - Throws: `Failure`.
  public static func lines(of name: String, _ settings: Settings) throws -> [String] {
    guard let stream = settings.streams.first(where: { $0.name.text == name }) else {
      throw Failure(.findings, "There is no stream “\(name)”")
    }
    let census: ValueCensus
    do {
      census = try ValueCensus(stream, files: LinuxFiles(guarded: settings.sharedFolders))
    } catch let fault as FileFault {
      throw Failure(.findings, fault.description)
    }
    var lines = ["stream \(name): \(counted(census.rows, "row")) in \(counted(census.logs, "log"))"]
    for column in census.columns { lines += self.lines(of: column) }
    lines += labels(census)
    lines += census.faults.map { "not looked at: \(Privacy.masked($0))" }
    return lines
  }

  private static func lines(of column: ValueCensus.Column) -> [String] {
    let sources = column.sources.joined(separator: ", ")
    var lines = ["", column.name.map { "\($0), made of \(sources):" } ?? "\(sources):"]
    for entry in column.entries {
      let values = entry.values.map { $0.isEmpty ? "(empty)" : Privacy.masked($0) }.joined(separator: ", ")
      let rows = "\(entry.rows)"
      let target =
        switch entry.target {
        case .value(let text): "-> \(text)"
        case .skipped: "-> skipped"
        case .aside: "-> left out: no entry of the map fits"
        case .none: ""
        }
      let line = "\(padded(rows, 12))  \(values)"
      lines.append(target.isEmpty ? line : line + String(repeating: " ", count: max(1, 40 - line.count)) + target)
    }
    if column.others > 0 {
      lines.append("\(padded("\(column.others)", 12))  other values: too many for a column of kinds")
    }
    return lines
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func labels(_ census: ValueCensus) -> [String] {
    var found: [String: String] = [:]
    for entry in census.columns.flatMap(\.entries) { found.merge(entry.labels) { first, _ in first } }
    guard !found.isEmpty else { return [] }
    let shown = found.sorted { $0.key < $1.key }.map { "“\($0.key)” stands for \($0.value)" }.joined(separator: ", ")
    return [
      "", "Labels stand where numbers should: \(shown).",
      "In the workflow's extraction, tick “Export internal values of enumerations”.",
    ]
  }
}
