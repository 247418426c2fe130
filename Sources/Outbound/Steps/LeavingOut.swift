import Config
import Core
import Files
import Formats
import Journal
import SystemPackage

/// Rows that are not sent: too many of them stop the stream, and each kind is told once for each batch.
extension Sealing {
  /// - Throws: where a person has to decide: the settings may be wrong for all rows.
  func requireFew(_ aside: AsideRows, _ cut: Cut, in pass: StreamPass) throws(FileFault) {
    guard let bound = pass.settings.rows.rejects?.atMost else { return }
    // What was extracted twice is no sign of wrong settings.
    let bad = aside.counts.filter { $0.key.code != .duplicateKey }
    let (count, read) = (bad.values.reduce(0, +), cut.rows + aside.rows)
    guard !bound.allows(count, of: read) else { return }
    let most = bad.max { ($0.value, $1.key.code.rawValue) < ($1.value, $0.key.code.rawValue) }?.key
    throw FileFault(
      .exists, "Cannot send the rows of stream", at: pass.name.text,
      why:
        "\(count) of \(read) would be left out, mostly: \(most.map(\.words) ?? "bad"); rejects.at_most is \(bound)",
      remedy:
        "Correct shape, rows or what writes the log; or allow more with rejects.at_most. The records stay where they are until then"
    )
  }

  /// - Parameter file: where rows for a person lie.
  func tellLeftOut(_ cut: Cut, _ batch: BatchID?, _ file: FilePath?, in pass: StreamPass) {
    guard let aside = cut.aside else { return }
    let ordered = aside.counts.sorted { ($1.value, $0.key.words) < ($0.value, $1.key.words) }
    for (fault, count) in ordered {
      var fields: [Event.Field: String] = [.rows: "\(count)", .reason: fault.code.rawValue]
      fields[.batch] = batch?.description
      fields[.path] = file?.shown
      pass.report(
        .rowsRejected,
        "\(counted(count, "row")) of stream \(pass.name) left out: \(fault.words); \(count == 1 ? "it lies" : "they lie") in \(file?.shown ?? "aside")",
        fields)
    }
  }
}

extension Cut {
  /// Behind what was sealed.
  var leftOutWords: String {
    var words = ""
    if skipped > 0 { words += ", \(counted(skipped, "row")) skipped" }
    if let aside { words += ", \(counted(aside.rows, "row")) left out" }
    return words
  }
}

extension RowFault {
  /// Why a row is left out, for people. The value is never told.
  var words: String {
    let name = column.map { "“\($0)”" } ?? ""
    return switch code {
    case .unclosedQuote: "a quote is never closed"
    case .openQuote: "text stands behind a closing quote"
    case .columnCount: "another number of columns than the header"
    case .rowTooLong: "longer than rows.max_bytes"
    case .nulByte: "it holds a NUL byte"
    case .badEncoding: "it is not UTF-8"
    case .missingValue: "\(name) would be empty"
    case .duplicateKey: "its \(name) was sent before"
    case .unknownValue: "no value of \(name) is known for it (navette check --values tells which)"
    case .badTime: "\(name) is no time that can be read"
    case .noSuchTime: "\(name) is a time that clocks skip"
    case .ambiguousTime: "\(name) is a time that comes twice, when clocks are put back"
    case .futureTime: "\(name) lies in the future"
    default: code.rawValue
    }
  }
}
