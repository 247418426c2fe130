import Core

@testable import Formats

/// Repeatable random numbers (SplitMix64, a published generator).
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

func rules(_ change: (inout TableRules) -> Void = { _ in }) -> TableRules {
  var rules = TableRules()
  change(&rules)
  return rules
}

/// Feeds the bytes in pieces of `chunk`, the last one shorter.
func inspect(_ bytes: [UInt8], _ rules: TableRules = TableRules(), chunk: Int = .max) -> Inspection {
  var inspector = TableInspector(rules: rules)
  var start = 0
  while start < bytes.count {
    let end = start + min(chunk, bytes.count - start)
    bytes[start..<end].withUnsafeBytes { inspector.feed($0) }
    start = end
  }
  return inspector.finish()
}

func inspect(_ text: String, _ rules: TableRules = TableRules(), chunk: Int = .max) -> Inspection {
  inspect(Array(text.utf8), rules, chunk: chunk)
}

func gzip(_ bytes: [UInt8], level: Int = 6, chunk: Int = .max) -> [UInt8] {
  var deflater = Deflater(level: level)
  var output: [UInt8] = []
  var start = 0
  while start < bytes.count {
    let end = start + min(chunk, bytes.count - start)
    bytes[start..<end].withUnsafeBytes { piece in deflater.write(piece) { output.append(contentsOf: $0) } }
    start = end
  }
  deflater.finish { output.append(contentsOf: $0) }
  return output
}

func gunzip(_ bytes: [UInt8], chunk: Int = .max, maxBytes: UInt64 = .max) throws(GzipFault) -> [UInt8] {
  var inflater = Inflater(maxBytes: maxBytes)
  var output: [UInt8] = []
  var start = 0
  while start < bytes.count {
    let end = start + min(chunk, bytes.count - start)
    let piece = Array(bytes[start..<end])
    try piece.withUnsafeBufferPointer { piece throws(GzipFault) in
      try inflater.write(UnsafeRawBufferPointer(piece)) {
        output.append(contentsOf: $0)
        return true
      }
    }
    start = end
  }
  try inflater.finish()
  return output
}

/// A table with every quirk that is legal, and sometimes one that is not.
func randomTable(_ random: inout SeededRandom, pieces: [String]) -> String {
  let columns = Int.random(in: 1...5, using: &random)
  let lineEnd = Bool.random(using: &random) ? "\n" : "\r\n"
  var text = (0..<columns).map { "c\($0)" }.joined(separator: ",") + lineEnd
  for _ in 0..<Int.random(in: 0...40, using: &random) {
    var fields: [String] = []
    let found = Int.random(in: 0..<20, using: &random) == 0 ? columns + 1 : columns
    for _ in 0..<found {
      let parts = (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
      let field = parts.joined()
      let quoted = Bool.random(using: &random) || field.contains { "\",\r\n".contains($0) || $0 == "\r\n" }
      fields.append(quoted ? "\"" + field + "\"" : field)
    }
    text += fields.joined(separator: ",") + lineEnd
  }
  return text
}
