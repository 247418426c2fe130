import Core

/// The text of one table: bounds, encoding, header, rows. Each verdict depends on the bytes alone, never on how they
/// were cut.
struct TableText {
  private enum Phase {
    case head([UInt8])
    case header(TableHeader)
    /// The first line is over, and the rows that tell the delimiter are gathered.
    case sample(Sample)
    case rows(TableRows)
  }

  private struct Sample {
    let header: TableHeader
    let hasLineEnd: Bool
    var bytes: [UInt8] = []
  }

  let rules: TableRules
  private var phase = Phase.head([])
  private var gate: TextGate
  /// In a table of one column any line is a row. Nil in others, which PGP data does not pass.
  private var armor: ArmorSearch?
  /// Bytes looked at.
  private(set) var bytes: UInt64 = 0
  /// The reason that ended the reading.
  private(set) var fatal: Reason?
  private(set) var names: [String]?
  private(set) var headerLine: [UInt8] = []
  private(set) var delimiter: UInt8?
  private(set) var separatorLine: SeparatorLine?
  /// The first line under each reading.
  private var firstLine: [TableHeader.Parsed] = []
  private let sink: (any RowSink)?
  private var cells: CellReader?
  private var headerReasons: [Reason] = []
  private var headerDoubts: [Reason] = []
  private var doubtful: [Reason] = []

  init(rules: TableRules, sink: (any RowSink)? = nil) {
    (self.rules, self.sink) = (rules, sink)
    gate = TextGate(allowsNUL: rules.quote == 0)
  }

  mutating func feed(_ text: UnsafeBufferPointer<UInt8>, in room: MarkRoom) {
    guard fatal == nil else { return }
    var waiting = UInt64(gate.brokenBytes)
    if case .head(let head) = phase { waiting = UInt64(head.count) }
    let allowed = Int(min(UInt64(text.count), rules.maxBytes -| bytes -| waiting))
    var rest = text[..<allowed]
    if case .head(var head) = phase {
      let part = rest.prefix(Sniff.headBytes - head.count)
      head.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
      phase = .head(head)
      if head.count == Sniff.headBytes { begin(head, in: room) }
    }
    while !rest.isEmpty, fatal == nil {
      let slice = rest.prefix(MarkedText.most)
      read(UnsafeBufferPointer(rebasing: slice), in: room)
      rest = rest.dropFirst(slice.count)
    }
    guard allowed < text.count, fatal == nil else { return }
    if case .head(let head) = phase { begin(head, in: room) }
    endSample(in: room)
    if fatal == nil { fatal = Reason(.tooLarge, "The text is larger than \(rules.maxBytes) bytes") }
  }

  /// Rows so far, as few as they can be.
  var rows: Int { if case .rows(let rows) = phase { rows.rows } else { 0 } }

  /// What comes next is not text at all.
  mutating func refuse(_ why: Reason, in room: MarkRoom) {
    if fatal == nil, case .head(let head) = phase, !head.isEmpty { begin(head, in: room) }
    endSample(in: room)
    if fatal == nil { stop(why.code, why.message) }
  }

  struct Verdict {
    var rows = 0
    var escape = QuoteEscape.double
    var reasons: [Reason] = []
    var doubtful: [Reason] = []
    var badRows = 0
    var needsReadingWith: QuoteEscape?
  }

  mutating func finish(in room: MarkRoom) -> Verdict {
    if fatal == nil, case .head(let head) = phase { begin(head, in: room) }
    if fatal == nil, gate.brokenBytes > 0 {
      endSample(in: room)
      stop(.badEncoding, "The text ends inside a character")
    }
    if fatal == nil, case .header(var header) = phase {
      header.end()
      endHeader(header, isOpen: header.isOpen, hasLineEnd: false, in: room)
    }
    endSample(isWhole: true, in: room)
    guard case .rows(var rows) = phase else { return Verdict(reasons: capped(fatal.map { [$0] } ?? [], more: 0)) }
    guard fatal == nil else {
      let isOfRow = fatal?.code == .rowTooLong || fatal?.code == .lineEnd
      let read = isOfRow ? fatal?.row.map { $0 - 1 } : nil
      return Verdict(rows: read ?? rows.rows, reasons: capped((fatal.map { [$0] } ?? []) + headerReasons, more: 0))
    }
    let outcome = rows.finish()
    if let problem = rows.tooLong ?? outcome.tooLong, outcome.problemCount > 0 {
      // Longer than any row that could be left out.
      if rules.mayReject { fatal = reason(problem) }
      return Verdict(rows: problem.row - 1, reasons: capped([reason(problem)] + headerReasons, more: 0))
    }
    if rules.header, let line = firstLine.first(where: { $0.escape == outcome.escape }), line.fields != names {
      check(line.fields)
    }
    // What is wrong with a row is the cause of a wrong count, not the other way round.
    let ofCells = cells.map { $0.problems.map(reason) } ?? []
    let ofRows = (outcome.problems.map(reason) + ofCells).sorted { $0.row ?? 0 < $1.row ?? 0 }
    var reasons = headerReasons + ofRows.prefix(Limits.reasons)
    if outcome.rows == 0 {
      // A row that was begun and is not whole is another matter.
      if outcome.problems.isEmpty { reasons.append(Reason(.headerOnly, "There is a header and no row")) }
    } else if outcome.rows < rules.minRows {
      reasons.append(
        Reason(.tooFewRows, "\(counted(outcome.rows, "row")); the feed takes no less than \(rules.minRows)"))
    }
    if rules.maxRows > 0, outcome.rows > rules.maxRows {
      reasons.append(
        Reason(.tooManyRows, "\(counted(outcome.rows, "row")); the feed takes no more than \(rules.maxRows)"))
    }
    if outcome.isDoubtful {
      let message =
        #"Quotes can be read in several ways (escaped as \", as '" or as ""), and values differ; set format.escape"#
      doubtful.append(Reason(.ambiguousEscape, message))
    }
    return Verdict(
      rows: outcome.rows, escape: outcome.escape,
      reasons: capped(
        reasons, more: outcome.problemCount + (cells?.problemCount ?? 0) - min(ofRows.count, Limits.reasons)),
      doubtful: capped(headerDoubts + doubtful, more: 0), badRows: cells?.badRows ?? 0,
      needsReadingWith: cells == nil || outcome.isFirst ? nil : outcome.escape)
  }

  // MARK: Steps

  private mutating func begin(_ head: [UInt8], in room: MarkRoom) {
    phase = .header(TableHeader(rules: rules))
    var skipped = 0
    let kind = Sniff(head)
    switch kind {
    case .empty: fatal = Reason(.empty, "There is no text")
    case .pgp: fatal = Reason(.encrypted, "The content is PGP data")
    case .binary: fatal = Reason(.notText, "The content is binary data, not text")
    case .gzip, .other: fatal = kind.otherThanText
    case .utf16: fatal = Reason(.badEncoding, "The text is UTF-16, not UTF-8")
    case .utf8BOM: skipped = 3
    case .text: break
    }
    bytes = UInt64(skipped)
    if head.count == skipped, fatal == nil { fatal = Reason(.empty, "There is no text") }
    guard fatal == nil else { return }
    head[skipped...].withUnsafeBufferPointer { read($0, in: room) }
  }

  private mutating func read(_ slice: UnsafeBufferPointer<UInt8>, in room: MarkRoom) {
    let passed = gate.check(slice)
    passed.completed.withUnsafeBufferPointer { bytes += UInt64(readTable($0, in: room)) }
    guard fatal == nil else { return }
    bytes += UInt64(readTable(UnsafeBufferPointer(rebasing: slice[passed.good]), in: room))
    guard fatal == nil, let fault = passed.fault else { return }
    endSample(in: room)
    guard fatal == nil else { return }
    switch fault {
    case .notUTF8: stop(.badEncoding, "The text is not UTF-8")
    case .nul: stop(.nulByte, "The text holds a NUL byte")
    }
  }

  /// How many bytes were looked at: all, unless the first line ends the reading.
  private mutating func readTable(
    _ text: UnsafeBufferPointer<UInt8>, in room: MarkRoom
  ) -> Int {
    var rest = text
    while case .header(var header) = phase {
      // Not copied while it grows.
      phase = .head([])
      let before = text.count - rest.count
      let progress = header.feed(rest)
      phase = .header(header)
      switch progress {
      case .more: return text.count
      case .tooLong(let used):
        stop(.rowTooLong, "The first line is longer than \(rules.maxRowBytes) bytes")
        return before + used
      case .strangeEnd(let used):
        stop(.lineEnd, rules.lineEnd.complaint)
        return before + used
      case .complete(let used):
        endHeader(header, isOpen: false, hasLineEnd: true, in: room)
        if fatal != nil { return before + used }
        rest = UnsafeBufferPointer(rebasing: rest[used...])
      }
    }
    if case .sample(var sample) = phase {
      phase = .head([])
      let part = rest.prefix(Limits.sampleBytes - sample.bytes.count)
      sample.bytes.append(contentsOf: part)
      phase = .sample(sample)
      guard sample.bytes.count == Limits.sampleBytes else { return text.count }
      endSample(in: room)
      rest = UnsafeBufferPointer(rebasing: rest.dropFirst(part.count))
      if fatal != nil { return text.count }
    }
    feedRows(rest, in: room)
    return text.count
  }

  private mutating func feedRows(_ text: UnsafeBufferPointer<UInt8>, in room: MarkRoom) {
    guard case .rows(var rows) = phase else { return }
    phase = .head([])
    let armorStart = armor?.first(in: text)
    rows.feed(UnsafeBufferPointer(rebasing: text.prefix(max(0, armorStart ?? text.count))), in: room)
    phase = .rows(rows)
    if let problem = rows.tooLong {
      fatal = reason(problem)
    } else if armorStart != nil {
      stop(.encrypted, "PGP data begins in this row; send it without the text before it")
    }
  }

  private mutating func endHeader(
    _ header: TableHeader, isOpen: Bool, hasLineEnd: Bool, in room: MarkRoom
  ) {
    if isOpen { return stop(.openQuote, "A quote in the first line is never closed") }
    if header.line.isEmpty {
      if separatorLine != nil, !hasLineEnd { return stop(.empty, "There is no text behind the line “sep=”") }
      return stop(.noHeader, "The first line is empty")
    }
    if separatorLine == nil, let line = SeparatorLine(header.line) {
      separatorLine = line
      if !hasLineEnd { return stop(.empty, "There is no text behind the line “sep=”") }
      return phase = .header(TableHeader(rules: rules))
    }
    if header.line.count > rules.maxRowBytes {
      return stop(.rowTooLong, "The first line is longer than \(rules.maxRowBytes) bytes")
    }
    phase = .sample(Sample(header: header, hasLineEnd: hasLineEnd))
    // Nothing is left to be told.
    if let said = saidDelimiter, header.parsed(delimiter: said).first?.fields.count != 1 { endSample(in: room) }
  }

  /// By the settings, or else by a line that is there for it.
  private var saidDelimiter: UInt8? {
    rules.delimiter ?? separatorLine.flatMap { $0.isKnown ? $0.delimiter : nil }
  }

  private mutating func endSample(isWhole: Bool = false, in room: MarkRoom) {
    guard fatal == nil, case .sample(let sample) = phase else { return }
    let header = sample.header
    var known = rules
    known.delimiter = saidDelimiter
    let guess = DelimiterGuess(header.line, sample.bytes, isWhole: isWhole, known)
    delimiter = guess.delimiter
    firstLine = header.parsed(delimiter: delimiter)
    let fields = firstLine.first?.fields ?? []
    var lines: [QuoteEscape: TableRows.FirstLine] = [:]
    for line in firstLine where rules.header {
      lines[line.escape] = TableRows.FirstLine(
        isPossible: !line.isOpen && line.fields.count == fields.count, strays: line.strays, escapes: line.escapes)
    }
    // Reads what it has found before it is known whose reading it is.
    if !rules.rows.isEmpty || sink != nil { cells = cellReader(fields) }
    let linesBefore =
      (separatorLine == nil ? 0 : 1) + (rules.header ? 1 + header.line.count { $0 == rules.lineEnd.byte } : 0)
    var rows = TableRows(
      rules: rules, delimiter: delimiter, columns: fields.count, firstLine: lines, linesBefore: linesBefore,
      maxProblems: Limits.reasons, cells: cells)
    if rules.header {
      headerLine = header.line
      check(fields)
    } else {
      (header.line + (sample.hasLineEnd ? rules.lineEnd.bytes : [])).withUnsafeBufferPointer {
        rows.feed($0, in: room)
      }
    }
    if let doubt = guess.doubt { doubtful.append(Reason(.delimiterUnsure, doubt.message)) }
    checkSeparatorLine()
    if fields.count == 1 { armor = ArmorSearch() }
    phase = .rows(rows)
    sample.bytes.withUnsafeBufferPointer { feedRows($0, in: room) }
  }

  private mutating func check(_ fields: [String]) {
    names = fields
    let check = HeaderCheck(names: fields, rules: rules)
    (headerReasons, headerDoubts) = (check.reasons, check.doubtful)
  }

  private func cellReader(_ fields: [String]) -> CellReader {
    let check = RowCheck(rules.rows, names: rules.header ? fields : [], seed: rules.keySeed)
    return CellReader(
      check, columns: fields.count, rules: rules, reading: rules.readings[0], sink: sink, maxProblems: Limits.reasons)
  }

  private mutating func checkSeparatorLine() {
    guard let line = separatorLine else { return }
    if !line.isKnown {
      doubtful.append(Reason(.delimiterUnsure, "The line “sep=” names a delimiter that navette does not know"))
    } else if line.delimiter != delimiter {
      let message = "The line “sep=” names \(named(line.delimiter)) as the delimiter, and format.delimiter another"
      doubtful.append(Reason(.delimiterUnsure, message))
    }
    guard !rules.dropsSeparatorLine else { return }
    let message =
      "The first line is “sep=”, for Excel alone: others take it for the header; set rewrite, which leaves it out"
    doubtful.append(Reason(.separatorLine, message))
  }

  private mutating func stop(_ code: Reason.Code, _ message: String) {
    var (row, line): (Int?, Int?)
    switch phase {
    case .rows(let rows): (row, line) = (rows.currentRow, rows.currentLine)
    // Without a header the first line is a row.
    case .header, .sample: row = rules.header || code == .noHeader || code == .empty ? nil : 1
    case .head: break
    }
    fatal = Reason(code, message, row: row, line: line)
  }

  private func reason(_ problem: TableReading.Problem) -> Reason {
    func reason(_ code: Reason.Code, _ message: String, column: Int? = nil) -> Reason {
      Reason(code, message, row: problem.row, line: problem.line > 0 ? problem.line : nil, column: column)
    }
    switch problem.kind {
    case .columns(let found):
      let columns = names?.count ?? 0
      let message =
        names == nil
        ? "The row has \(counted(found, "column")), not as many as the first row"
        : "The row has \(counted(found, "column")), the header \(columns)"
      return reason(.columnCount, message, column: names == nil ? nil : min(found, columns) + 1)
    case .blank: return reason(.columnCount, "The row is empty", column: 1)
    case .tooLong: return reason(.rowTooLong, "The row is longer than \(rules.maxRowBytes) bytes")
    case .openQuote: return reason(.openQuote, "A quote that opens in this row is never closed")
    case .lineEnd: return reason(.lineEnd, rules.lineEnd.complaint)
    case .nul: return reason(.nulByte, "The row holds a NUL byte that quotes nothing")
    }
  }

  /// Of a cell. The column is one that the rules name, so its name can be told.
  private func reason(_ row: BadRow) -> Reason {
    let name = names.map { row.column > 0 && row.column <= $0.count ? $0[row.column - 1] : "" } ?? ""
    let (code, message) = rules.rows.complaint(row.kind, name)
    return Reason(code, message, row: row.row, line: row.line, column: row.column)
  }

  private func capped(_ reasons: [Reason], more: Int) -> [Reason] {
    let left = max(0, reasons.count - Limits.reasons) + more
    guard left > 0, let last = reasons.last(where: { $0.row != nil }) ?? reasons.last else { return reasons }
    return reasons.prefix(Limits.reasons) + [Reason(last.code, "… and \(left) more")]
  }
}
