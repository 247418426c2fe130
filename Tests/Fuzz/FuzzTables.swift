import Core

/// Any bytes, as a table: one verdict, however they are cut, fast or byte by byte.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTables(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 2 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 2, count: count - 2)
  var rules = TableRules()
  rules.escape = [.auto, .double, .backslash, .apostrophe][Int(start[0] & 3)]
  rules.lineEnd = [.auto, .auto, .lf, .auto, .crlf, .cr, .auto, .cr][Int(start[0] >> 5)]
  rules.header = start[0] & 4 == 0
  rules.quote = [UInt8(ascii: "\""), UInt8(ascii: "\""), 0, nil][Int(start[1] & 3)]
  rules.encoding = [.utf8, .utf8, .utf16, .latin1][Int(start[1] >> 2 & 3)]
  rules.delimiter = [nil, UInt8(ascii: ","), UInt8(ascii: ";"), nil][Int(start[1] >> 4 & 3)]
  rules.maxRowBytes = start[0] & 8 == 0 ? 100 : 1 << 20
  rules.maxBytes = start[0] & 16 == 0 ? 1 << 16 : 200
  let whole = verdict(bytes, rules, chunk: .max)
  var other = verdict(bytes, rules, chunk: 1 + Int(start[0] >> 5) * 9)
  if whole.compression == .gzip {
    // How far a damaged member is unpacked is zlib's affair.
    (other.rows, other.textBytes) = (whole.rows, whole.textBytes)
    (other.header, other.headerDigest, other.delimiter) = (whole.header, whole.headerDigest, whole.delimiter)
  }
  precondition(other == whole, "the verdict depends on the chunks")
  rules.scalarOnlyForTests = true
  precondition(verdict(bytes, rules, chunk: .max) == whole, "the fast path differs")
  return 0
}

private func verdict(_ bytes: UnsafeRawBufferPointer, _ rules: TableRules, chunk: Int) -> Inspection {
  var inspector = TableInspector(rules: rules)
  var rest = bytes[...]
  while !rest.isEmpty {
    let part = rest.prefix(chunk)
    inspector.feed(UnsafeRawBufferPointer(rebasing: part))
    rest = rest.dropFirst(part.count)
  }
  return inspector.finish()
}
