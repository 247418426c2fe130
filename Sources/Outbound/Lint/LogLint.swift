import Config
import Core
import Formats

/// One log against what AEP takes, by its first records. Pure.
struct LogLint {
  let stream: StreamSettings
  let sample: LogSample

  /// Nil where there is no header, or none that can be sent.
  var columns: [String]? { (try? sentColumns(of: stream, sample.header)) ?? nil }

  private var delimiter: UInt8? { ColumnNames(sample.header).delimiter }
  private var place: String { "streams.\(stream.name)" }

  private func note(_ text: String, isRefusal: Bool = false) -> LintNote {
    LintNote(place, "\(sample.path): \(text)", isRefusal: isRefusal)
  }

  /// Of any stream, whoever reads it.
  func renaming() -> [LintNote] {
    let missing = RenameCheck.missing(in: sample.header, stream)
    guard !missing.isEmpty else { return [] }
    return [
      LintNote(
        "\(place).header.rename",
        "\(sample.path) has no column \(RenameCheck.list(missing)): nothing is renamed there. Correct the name")
    ]
  }

  func notes() -> [LintNote] {
    // Of a header that is no text nothing else can be said.
    let encoding = text()
    guard isText(sample.header) else { return encoding }
    // A shape makes the values, and leaves out the rows that it cannot make.
    guard stream.rows.shape == nil else { return names() + encoding }
    return names() + encoding + values() + sizes()
  }

  private func isText(_ bytes: [UInt8]) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(0)
  }

  // MARK: - The header

  private func names() -> [LintNote] {
    do throws(HeaderComplaint) {
      guard let columns = try sentColumns(of: stream, sample.header) else { return [] }
      return names(columns)
    } catch {
      return [
        note(
          "\(error.description), so its records wait. \(stream.rows.shape == nil ? "Give the column another name under header.rename" : "Correct shape, or what is extracted")"
        )
      ]
    }
  }

  private func names(_ columns: [String]) -> [LintNote] {
    var notes: [LintNote] = []
    let odd = columns.indices.filter { !ColumnText.isPlain(columns[$0]) }
    if !odd.isEmpty {
      notes.append(
        note(
          "\(LintNote.columns(odd, columns)): AEP maps columns by names of letters, digits and underscores that begin with no digit. Set header.sanitize: true, or name them under header.rename"
        ))
    }
    if columns.count > Limits.aepFields {
      notes.append(
        note(
          "\(counted(columns.count, "column")), and AEP refuses rows with more than \(Limits.aepFields). Leave some out",
          isRefusal: true))
    }
    guard stream.rows.shape == nil else { return notes }
    if let delimiter, delimiter != UInt8(ascii: ",") {
      let word =
        [UInt8(ascii: "\t"): "tabs", UInt8(ascii: ";"): "semicolons", UInt8(ascii: "|"): "bars"][delimiter]
        ?? "another character"
      notes.append(
        note("its columns are separated by \(word), and AEP expects commas. Set the delimiter in the dataflow's source")
      )
    }
    if delimiter == nil, !sample.rows.isEmpty {
      notes.append(
        note(
          "no delimiter is found in its header: one column, or a delimiter that is none of comma, tab, semicolon and bar. AEP takes one character. Look at the log, and set the same one in the dataflow's source"
        ))
    }
    return notes
  }

  // MARK: - The text

  private func text() -> [LintNote] {
    if sample.header.starts(with: [0xff, 0xfe]) || sample.header.starts(with: [0xfe, 0xff]) || sample.header.contains(0)
    {
      return [note("it is UTF-16, and AEP takes UTF-8 alone. Have it written in UTF-8")]
    }
    if !isText(sample.header) {
      return [note("its header is not UTF-8, which is all that AEP takes. Have it written in UTF-8")]
    }
    guard let bad = sample.rows.firstIndex(where: { !isText($0) }) else { return [] }
    return [note("row \(bad + 1) is not UTF-8, which is all that AEP takes. Have it written in UTF-8")]
  }

  // MARK: - The values

  private struct Found {
    var quotes: Set<Int> = []
    var backslashes: Set<Int> = []
    var breaks: Set<Int> = []
    /// Columns of which all values are days or instants, and those in a form that is not known, with the first reason.
    var stamps: [Int: (all: Bool, why: String?)] = [:]
  }

  private func look() -> Found {
    var found = Found()
    for row in sample.rows {
      for (index, cell) in LogSample.cells(row, delimiter).enumerated() where !cell.value.isEmpty {
        if cell.value.contains(0x22) { found.quotes.insert(index) }
        if cell.value.contains(0x5c) { found.backslashes.insert(index) }
        if cell.value.contains(0x0a) || cell.value.contains(0x0d) { found.breaks.insert(index) }
        note(StampForm(cell.value), of: index, in: &found)
      }
    }
    return found
  }

  private func note(_ form: StampForm?, of index: Int, in found: inout Found) {
    var known = found.stamps[index] ?? (all: true, why: nil)
    switch form {
    case nil: known.all = false
    case .known: break
    case .unknown(let why): known.why = known.why ?? why
    }
    found.stamps[index] = known
  }

  private func values() -> [LintNote] {
    let (found, names) = (look(), columns ?? [])
    var notes: [LintNote] = []
    for (what, where_, advice) in [
      ("quotes", found.quotes, "Have them left out, or try one such row in a test dataflow first"),
      ("backslashes", found.backslashes, "Have them left out, or try one such row in a test dataflow first"),
      ("line breaks", found.breaks, "Have them replaced by blanks where the log is written"),
    ] where !where_.isEmpty {
      notes.append(
        note(
          "\(LintNote.columns(where_.sorted(), names)): values hold \(what), and AEP documents no rule for them in sources. \(advice)"
        ))
    }
    let stamps = found.stamps.filter { $0.value.all && $0.value.why != nil }
    for why in Set(stamps.values.compactMap(\.why)).sorted() {
      let columns = stamps.filter { $0.value.why == why }.keys.sorted()
      notes.append(
        note(
          "\(LintNote.columns(columns, names)): times in a form that AEP's data preparation does not know by itself: \(why). Write 2026-03-12T06:00:00Z, or give the form in the dataflow's mapping"
        ))
    }
    return notes
  }

  private func sizes() -> [LintNote] {
    guard let longest = sample.rows.map(\.count).max() else { return [] }
    if longest > Limits.aepRecordBytes {
      return [
        note(
          "a row has \(counted(longest, "byte")), and AEP refuses every row above \(Limits.aepRecordBytes). Shorten it where the log is written",
          isRefusal: true)
      ]
    }
    guard longest > Limits.aepEventBytes else { return [] }
    return [
      note(
        "a row has \(counted(longest, "byte")), and AEP refuses events above \(Limits.aepEventBytes). Shorten it where the log is written, unless it is no event"
      )
    ]
  }
}
