import Core

/// Any bytes, as lines of JSON: told alike however they are cut; what passes becomes a table of as many rows, by the paths that were found,
/// and bad lines and good ones together are all there were.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 1 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  let chunk = 1 + Int(start[0])
  var rules = JSONRules()
  rules.gathers = start[0] & 1 == 0
  rules.required = [ValuePath(keys: [Array("a".utf8)])]
  rules.rows.values["a"] = RowRules.Value(.number)
  rules.rows.values["p.q"] = RowRules.Value(isRequired: false, maxLength: 3)
  rules.rows.unique = ["a"]
  let found = look(bytes, rules, .max)
  let again = look(bytes, rules, chunk)
  precondition(found.reasons.map(\.code) == again.reasons.map(\.code), "the verdict depends on the chunks")
  precondition(found.compression == .gzip || found == again, "what was found depends on the chunks")
  guard found.isWhole, found.compression == .none else { return 0 }
  split(bytes, rules, found, chunk)
  guard found.reasons.isEmpty else { return 0 }
  var table = JSONTable()
  table.columns = FoundColumns.columns(found.paths + [ValuePath(keys: [Array("a".utf8)])], separator: ".")
  table.nested = .json
  var target = RewriteRules()
  (target.delimiter, target.quote, target.replacement) = (UInt8(ascii: ","), UInt8(ascii: "\""), "_")
  let one = rewrite(bytes, rules, table, target, .max)
  precondition(one.rows == found.rows, "rows were lost or made")
  precondition(rewrite(bytes, rules, table, target, chunk).bytes == one.bytes, "what is written depends on the chunks")
  return 0
}

private func look(_ bytes: UnsafeRawBufferPointer, _ rules: JSONRules, _ chunk: Int) -> Inspection {
  var inspector = JSONInspector(rules: rules)
  for piece in pieces(of: bytes, chunk) { inspector.feed(piece) }
  return inspector.finish()
}

private func split(_ bytes: UnsafeRawBufferPointer, _ rules: JSONRules, _ found: Inspection, _ chunk: Int) {
  var splitter = LineSplitter(rules, repacks: false) { row, _ in row % 2 == 0 }
  var (good, bad) = (0, 0)
  for piece in pieces(of: bytes, chunk) { splitter.feed(piece, good: { good += lines($0) }, bad: { bad += lines($0) }) }
  splitter.finish(good: { good += lines($0) }, bad: { bad += lines($0) })
  precondition(good + bad == found.rows && splitter.rows == found.rows, "lines were lost or made")
}

private func lines(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.count { $0 == 0x0a } }

private func rewrite(
  _ bytes: UnsafeRawBufferPointer, _ rules: JSONRules, _ table: JSONTable, _ target: RewriteRules, _ chunk: Int
) -> (bytes: [UInt8], rows: Int) {
  var rewriter = JSONRewriter(rules, table, to: target)
  var out: [UInt8] = []
  for piece in pieces(of: bytes, chunk) { rewriter.feed(piece) { out += $0 } }
  rewriter.finish { out += $0 }
  precondition(!rewriter.isDamaged && rewriter.problems.isEmpty, "what was whole is damaged, or cannot be written")
  return (out, rewriter.count)
}
