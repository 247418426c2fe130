import Core

/// Any bytes, as the beginning of a file, a first line, or text in which PGP data may begin: told alike however they are cut, and by the
/// same words wherever they stand.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzContent(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let chunk = 1 + Int(start[0])
  armor(bytes, chunk)
  _ = Sniff(bytes)
  _ = Sniff.armorStart(bytes)
  let text = bytes[...]
  // Of a whole value the end is known, so blanks behind it change nothing.
  if JSONStart.matches(text), text.last == UInt8(ascii: "}") || text.last == UInt8(ascii: "]") {
    precondition(JSONStart.matches((bytes + [0x0a])[...]), "a line end made another thing of it")
  }
  let line = Array(bytes.prefix { $0 != 0x0a })
  if let separator = SeparatorLine(line) {
    precondition(line.contains(separator.delimiter) && line.count <= 7, "a delimiter that is not there")
  }
  guess(line, Array(bytes.dropFirst(line.count + 1)), start[0])
  return 0
}

private func armor(_ bytes: [UInt8], _ chunk: Int) {
  let sign = Sniff.armor
  let wanted = bytes.indices.first { place in
    bytes[place...].starts(with: sign) && (place == 0 || bytes[place - 1] == 0x0a || bytes[place - 1] == 0x0d)
  }
  var (search, found, begun) = (ArmorSearch(), Int?.none, 0)
  while begun < bytes.count, found == nil {
    let end = min(bytes.count, begun + chunk)
    found = bytes[begun..<end].withUnsafeBufferPointer { search.first(in: $0) }.map { $0 + begun }
    begun = end
  }
  precondition(found == wanted, "PGP data was found elsewhere")
}

private func guess(_ line: [UInt8], _ sample: [UInt8], _ how: UInt8) {
  var rules = TableRules()
  rules.escape = [.auto, .double, .backslash, .apostrophe][Int(how & 3)]
  let guess = DelimiterGuess(line, sample, isWhole: true, rules)
  if let delimiter = guess.delimiter {
    precondition(
      DelimiterGuess.candidates.contains(delimiter) && line.contains(delimiter), "a delimiter out of nothing")
  }
  rules.delimiter = UInt8(ascii: ";")
  precondition(
    DelimiterGuess(line, sample, isWhole: true, rules).delimiter == rules.delimiter, "the setting was overruled")
}
