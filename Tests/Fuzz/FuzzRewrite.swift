import Core

/// Any bytes, as a table in any dialect: what passes the checks is written anew with as many rows, and what was written passes them, too.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRewrite(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 2 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 2, count: count - 2)
  var rules = TableRules()
  rules.escape = [.auto, .double, .backslash, .apostrophe][Int(start[0] & 3)]
  rules.lineEnd = [.auto, .lf, .crlf, .cr][Int(start[0] >> 2 & 3)]
  rules.quote = [UInt8(ascii: "\""), nil, 0, UInt8(ascii: "\"")][Int(start[0] >> 4 & 3)]
  rules.encoding = [.utf8, .utf16, .latin1, .utf8][Int(start[0] >> 6)]
  rules.header = start[1] & 1 == 0
  rules.dropsSeparatorLine = true
  if start[1] & 2 != 0 { rules.delimiter = UInt8(ascii: ",") }
  let chunk = 1 + Int(start[1] >> 2)
  let found = look(bytes, rules, .max)
  precondition(sameBesidesGzip(look(bytes, rules, chunk), found), "the verdict depends on the chunks")
  guard found.reasons.isEmpty, found.doubtful.isEmpty else { return 0 }
  var target = RewriteRules()
  target.delimiter = UInt8(ascii: "|")
  target.quote = UInt8(ascii: "\"")
  let (out, rows) = rewrite(bytes, rules, found, target, chunk)
  precondition(rows == found.rows, "rows were lost or made")
  precondition(rewrite(bytes, rules, found, target, .max).bytes == out, "what is written depends on the chunks")
  var plain = TableRules()
  plain.escape = .double
  plain.lineEnd = .lf
  plain.delimiter = UInt8(ascii: "|")
  plain.header = rules.header
  plain.maxRowBytes = 1 << 24
  // What the first bytes are taken for, or a name that stands twice only now, is another matter.
  let back = out.withUnsafeBytes { look($0, plain, .max) }
  let isOther = back.reasons.contains { [.notText, .encrypted, .noHeader, .lineEnd, .empty].contains($0.code) }
  precondition(isOther || back.reasons.isEmpty && back.rows == rows, "what was written is no table")
  return 0
}

/// How far a damaged member is unpacked is zlib's affair.
private func sameBesidesGzip(_ one: Inspection, _ other: Inspection) -> Bool {
  one.reasons.map(\.code) == other.reasons.map(\.code) && (other.compression == .gzip || one == other)
}

private func look(_ bytes: UnsafeRawBufferPointer, _ rules: TableRules, _ chunk: Int) -> Inspection {
  var inspector = TableInspector(rules: rules)
  for piece in pieces(of: bytes, chunk) { inspector.feed(piece) }
  return inspector.finish()
}

private func rewrite(
  _ bytes: UnsafeRawBufferPointer, _ rules: TableRules, _ found: Inspection, _ target: RewriteRules, _ chunk: Int
) -> (bytes: [UInt8], rows: Int) {
  var rewriter = TableRewriter(
    rules, delimiter: found.delimiter, escape: found.escape, leavesOut: found.hasSeparatorLine, to: target)
  var out: [UInt8] = []
  for piece in pieces(of: bytes, chunk) { rewriter.feed(piece) { out += $0 } }
  rewriter.finish { out += $0 }
  precondition(!rewriter.isDamaged && rewriter.problems.isEmpty, "what was whole is damaged, or cannot be written")
  return (out, rewriter.rows)
}
