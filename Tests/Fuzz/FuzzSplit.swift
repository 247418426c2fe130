import Core

/// Any bytes, as a table in any dialect: good rows and bad ones together are all there were, byte for byte where none is bad.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSplit(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 2 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 2, count: count - 2)
  var rules = TableRules()
  rules.escape = [.auto, .double, .backslash, .apostrophe][Int(start[0] & 3)]
  rules.lineEnd = [.auto, .lf, .crlf, .cr][Int(start[0] >> 2 & 3)]
  rules.quote = [UInt8(ascii: "\""), nil, 0, UInt8(ascii: "\"")][Int(start[0] >> 4 & 3)]
  rules.header = start[1] & 1 == 0
  if start[1] & 2 != 0 { rules.delimiter = UInt8(ascii: ",") }
  rules.dropsSeparatorLine = true
  let chunk = 1 + Int(start[1] >> 2)
  var inspector = TableInspector(rules: rules)
  for piece in pieces(of: bytes, .max) { inspector.feed(piece) }
  let found = inspector.finish()
  guard found.reasons.isEmpty, found.doubtful.isEmpty, found.compression == .none else { return 0 }
  let all = split(bytes, rules, found, chunk) { _ in false }
  precondition(all.rows == found.rows, "rows were lost or made")
  precondition(all.good.elementsEqual(bytes), "good rows were changed")
  let some = split(bytes, rules, found, chunk) { $0 % 2 == 0 }
  let whole = split(bytes, rules, found, .max) { $0 % 2 == 0 }
  precondition(some.good == whole.good && some.bad == whole.bad, "what is left out depends on the chunks")
  precondition(some.rows == found.rows, "rows were lost or made")
  return 0
}

private func split(
  _ bytes: UnsafeRawBufferPointer, _ rules: TableRules, _ found: Inspection, _ chunk: Int,
  _ isBad: @escaping (Int) -> Bool
) -> (good: [UInt8], bad: [UInt8], rows: Int) {
  var splitter = TableSplitter(
    rules, delimiter: found.delimiter, escape: found.escape, leavesOut: found.hasSeparatorLine
  ) { row, _ in isBad(row) }
  var (good, bad): ([UInt8], [UInt8]) = ([], [])
  for piece in pieces(of: bytes, chunk) { splitter.feed(piece, good: { good += $0 }, bad: { bad += $0 }) }
  splitter.finish(good: { good += $0 }, bad: { bad += $0 })
  precondition(!splitter.isDamaged, "what was whole is damaged")
  return (good, bad, splitter.rows)
}
