import Config
import Core
import Formats

/// What was found in a part, with what a person needs to see why: how columns were told apart, which setting says how the text is written,
/// and whether the upload may have broken off. Of each kind the first says it; pure.
func explained(_ inspection: Inspection, _ format: FeedSettings.Format) -> [Reason] {
  var explained: Set<Reason.Code> = []
  return inspection.reasons.map { reason in
    var more: [String] = []
    if explained.insert(reason.code).inserted {
      switch reason.code {
      case .columnCount: more.append(separation(inspection.delimiter, format))
      case .missingColumn: more += [AEPCauses.columns, separation(inspection.delimiter, format)]
      case .badEncoding: more.append("format.encoding is \(format.encoding.rawValue)")
      default: break
      }
    }
    if isBrokenOff(reason, inspection) {
      more.append("the text ends in it without a line end, so the upload may have broken off")
    }
    return more.isEmpty ? reason : reason.saying(([reason.message] + more).joined(separator: "; "))
  }
}

private func separation(_ delimiter: UInt8?, _ format: FeedSettings.Format) -> String {
  guard let delimiter else { return "no delimiter was found in the first line, and format.delimiter is auto" }
  return "separated by \(named(delimiter)) (\(format.delimiter == nil ? "guessed" : "format.delimiter"))"
}

/// The last row, which has no end.
private func isBrokenOff(_ reason: Reason, _ inspection: Inspection) -> Bool {
  guard inspection.isOpenEnded, let row = reason.row else { return false }
  return reason.code == .openQuote || [.columnCount, .badJSON].contains(reason.code) && row == inspection.rows
}

extension Reason {
  fileprivate func saying(_ message: String) -> Reason {
    Reason(code, message, part: part, row: row, line: line, column: column)
  }
}
