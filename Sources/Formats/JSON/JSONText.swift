import Core

/// Lines of JSON: bounds, encoding, objects. Each verdict depends on the bytes alone, never on how they were cut.
struct JSONText {
  private let rules: JSONRules
  private var head: [UInt8]? = []
  private var gate = TextGate(allowsNUL: false)
  private var lines: LineCutter
  private var object: JSONObject
  private let required: [Int]
  /// The values that rules are for.
  private let checked: [Int]
  private var check: RowCheck
  private let checkedNames: [String]
  private let sink: (any RowSink)?
  private var cell: [UInt8] = []
  /// Bytes looked at.
  private(set) var bytes: UInt64 = 0
  private(set) var rows = 0
  /// Of them, not good by themselves.
  private(set) var badRows = 0
  /// Of the last object, from 1.
  private var lineNumber = 0
  /// Empty lines since the last object: nothing at the end of the text.
  private var blanks = 0
  /// The reason that ended the reading.
  private(set) var fatal: Reason?
  private var reasons: [Reason] = []
  private var left = 0

  init(_ rules: JSONRules, _ sink: (any RowSink)?) {
    (self.rules, self.sink) = (rules, sink)
    var tree = PathTree()
    var required: [Int] = []
    for path in rules.required { required.append(tree.want(path, as: required.count)) }
    self.required = required
    checkedNames = rules.rows.named.filter { ValuePath($0) != nil }
    check = RowCheck(rules.rows, names: checkedNames, seed: rules.keySeed)
    var count = required.count
    checked = checkedNames.compactMap { ValuePath($0) }.map { path in
      count += 1
      return tree.want(path, as: count - 1)
    }
    object = JSONObject(tree, count: count, gathers: rules.gathers)
    // And a CR, which belongs to the end.
    lines = LineCutter(most: rules.mostRowBytes + 1)
  }

  var isOver: Bool { fatal != nil }
  /// In the order in which they were first seen.
  var paths: [ValuePath] { object.tree.found }
  var nullOnly: Set<ValuePath> { object.tree.nullOnly }

  mutating func feed(_ text: UnsafeBufferPointer<UInt8>) {
    guard fatal == nil else { return }
    let waiting = UInt64(gate.brokenBytes + (head?.count ?? 0))
    let allowed = Int(min(UInt64(text.count), rules.maxBytes -| bytes -| waiting))
    var rest = text[..<allowed]
    if var first = head {
      let part = rest.prefix(Sniff.headBytes - first.count)
      first.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
      head = first
      if first.count == Sniff.headBytes { begin(first) }
    }
    if !rest.isEmpty, fatal == nil { read(UnsafeBufferPointer(rebasing: rest)) }
    guard allowed < text.count, fatal == nil else { return }
    if let head { begin(head) }
    stop(.tooLarge, "The text is larger than \(rules.maxBytes) bytes")
  }

  /// To be called once. What was found, in order.
  mutating func finish() -> [Reason] {
    if let head { begin(head) }
    if fatal == nil, gate.brokenBytes > 0 { stop(.badEncoding, "The text ends inside a character") }
    if fatal == nil {
      var (cutter, me) = (lines, self)
      cutter.finish { me.take($0) }
      self = me
    }
    if let fatal { return [fatal] + reasons.prefix(Limits.reasons - 1) }
    var all = reasons
    if left > 0, let last = all.last { all.append(Reason(last.code, "… and \(left) more")) }
    if rows == 0 {
      all.append(Reason(.empty, "There is no object"))
    } else if rows < rules.minRows {
      all.append(Reason(.tooFewRows, "\(counted(rows, "row")); the feed takes no less than \(rules.minRows)"))
    }
    if rules.maxRows > 0, rows > rules.maxRows {
      all.append(Reason(.tooManyRows, "\(counted(rows, "row")); the feed takes no more than \(rules.maxRows)"))
    }
    return all
  }

  private mutating func begin(_ first: [UInt8]) {
    head = nil
    var skipped = 0
    switch Sniff(first) {
    case .empty: stop(.empty, "There is no text")
    case .pgp: stop(.encrypted, "The content is PGP data")
    case .binary: stop(.notText, "The content is binary data, not text")
    case .utf16: stop(.badEncoding, "The text is UTF-16, and JSON is UTF-8")
    case .other(.json), .text: break
    case .gzip: stop(.notText, "The gzip data holds gzip data: it was packed twice")
    case .other(let kind): fatal = kind.reason(insteadOf: "lines of JSON")
    case .utf8BOM: skipped = 3
    }
    if first.starts(with: [0xef, 0xbb, 0xbf]) { skipped = 3 }
    bytes = UInt64(skipped)
    if first.count == skipped, fatal == nil { stop(.empty, "There is no text") }
    guard fatal == nil else { return }
    first[skipped...].withUnsafeBufferPointer { read($0) }
  }

  private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
    let passed = gate.check(text)
    passed.completed.withUnsafeBufferPointer { readLines($0) }
    if fatal == nil { readLines(UnsafeBufferPointer(rebasing: text[passed.good])) }
    guard fatal == nil, let fault = passed.fault else { return }
    switch fault {
    case .notUTF8: stop(.badEncoding, "The text is not UTF-8")
    case .nul: stop(.nulByte, "The text holds a NUL byte")
    }
  }

  private mutating func readLines(_ text: UnsafeBufferPointer<UInt8>) {
    bytes += UInt64(text.count)
    // Moved out, so that neither is copied.
    var cutter = lines
    lines = LineCutter(most: 0)
    cutter.feed(text) { take($0) }
    lines = cutter
  }

  /// False: it is over.
  private mutating func take(_ line: UnsafeBufferPointer<UInt8>?) -> Bool {
    guard let line = line.map(\.withoutReturn), line.count <= rules.mostRowBytes else {
      stop(.rowTooLong, "The row is longer than \(rules.maxRowBytes) bytes")
      return false
    }
    if line.isEmpty {
      blanks += 1
      return true
    }
    // Something follows them, so they are rows.
    for _ in 0..<blanks {
      (rows, lineNumber) = (rows + 1, lineNumber + 1)
      refuse(.json, [Reason(.badJSON, "The line is empty", row: rows, line: lineNumber)])
    }
    lineNumber += 1
    blanks = 0
    rows += 1
    do throws(JSONObject.Fault) {
      try object.read(line)
      try judge(line)
    } catch {
      let reason = error.reason(row: rows, line: lineNumber, line)
      if error == .tooManyPaths {
        fatal = reason
        return false
      }
      refuse(error == .repeatedKey ? .repeatedKey : .json, [reason])
    }
    return true
  }

  /// An object by its values. Each bad row is told once.
  private mutating func judge(_ line: UnsafeBufferPointer<UInt8>) throws(JSONObject.Fault) {
    var found: [Reason] = []
    var kind: BadRow.Kind?
    if line.count > rules.maxRowBytes {
      kind = .tooLong
      found.append(
        Reason(.rowTooLong, "The row is longer than \(rules.maxRowBytes) bytes", row: rows, line: lineNumber))
    }
    for (number, wanted) in required.enumerated() where object[wanted].kind == .missing {
      kind = kind ?? .missingKey
      found.append(
        Reason(.missingKey, "The object has no “\(rules.required[number])”", row: rows, line: lineNumber))
    }
    for (index, wanted) in checked.enumerated() {
      guard let fault = try check(index, object[wanted], line) else { continue }
      let (code, message) = rules.rows.complaint(fault, checkedNames[index])
      kind = kind ?? fault
      found.append(Reason(code, message, row: rows, line: lineNumber))
    }
    let key = check.endRow()
    if let kind { return refuse(kind, found) }
    if let key { sink?.has(key, row: rows) }
  }

  private mutating func check(
    _ index: Int, _ value: JSONObject.Value, _ line: UnsafeBufferPointer<UInt8>
  ) throws(JSONObject.Fault) -> BadRow.Kind? {
    let fault: CellFault?
    switch value.kind {
    case .missing, .null: fault = check.check(index, UnsafeBufferPointer(start: nil, count: 0))
    case .escaped:
      cell.removeAll(keepingCapacity: true)
      try JSONString.unescape(UnsafeBufferPointer(rebasing: line[value.range]), into: &cell)
      fault = cell.withUnsafeBufferPointer { check.check(index, $0) }
    case .word, .number, .plain, .array, .object:
      fault = check.check(index, UnsafeBufferPointer(rebasing: line[value.range]))
    }
    return fault.map { BadRow.Kind($0) }
  }

  private mutating func refuse(_ kind: BadRow.Kind, _ found: [Reason]) {
    badRows += 1
    object.forgetLine()
    for reason in found { note(reason) }
    sink?.isBad(BadRow(kind, row: rows, line: lineNumber))
  }

  private mutating func note(_ reason: Reason) {
    if reasons.count < Limits.reasons { reasons.append(reason) } else { left += 1 }
  }

  private mutating func stop(_ code: Reason.Code, _ message: String) {
    let isOfRow = head == nil && bytes > 0 && code != .empty
    fatal = Reason(
      code, message, row: isOfRow ? rows + blanks + 1 : nil, line: isOfRow ? lineNumber + blanks + 1 : nil)
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Of a line, the CR before its end belongs to that.
  var withoutReturn: Self { last == 0x0d ? Self(rebasing: dropLast()) : self }
}

extension JSONObject.Fault {
  /// Never what stands there.
  func reason(row: Int, line number: Int, _ line: UnsafeBufferPointer<UInt8>) -> Reason {
    let first = line.first { $0 != 0x20 && $0 != 0x09 }
    let isOpening = line.allSatisfy { [0x20, 0x09, 0x0d, UInt8(ascii: "{"), UInt8(ascii: "[")].contains($0) }
    let message =
      switch self {
      case .notObject where first == UInt8(ascii: "["):
        "The line is an array: one object a line is expected"
      case .notObject: "The line is no JSON object"
      case .ends where isOpening: "The object goes on in the next line: one object a line is expected"
      case .ends: "The line ends inside its object"
      case .syntax: "The line is not valid JSON"
      case .behind: "Something stands behind the object"
      case .tooDeep: "More than \(Limits.jsonDepth) objects and arrays lie inside each other"
      case .repeatedKey: "A key stands twice in one object"
      case .halfCharacter: "A text holds half of a character (\\uD800 to \\uDFFF alone)"
      case .nul: "A text holds a NUL (\\u0000)"
      case .tooManyPaths:
        "More than \(Limits.jsonColumns) paths; name those that are wanted in rewrite.columns"
      }
    let code: Reason.Code =
      switch self {
      case .repeatedKey: .repeatedKey
      case .tooManyPaths: .tooManyColumns
      default: .badJSON
      }
    return Reason(code, message, row: row, line: number)
  }
}
