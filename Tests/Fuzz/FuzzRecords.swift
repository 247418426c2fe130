/// Any bytes, as a log: cuts lie behind line feeds, grow with what is seen, and are the same after a restart at any
/// cut.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecords(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 2 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 2, count: count - 2)
  let dialect: RecordDialect = start[0] & 1 == 0 ? .csv() : .line
  let whole = Records.scan(bytes, dialect: dialect)
  precondition(whole.end == 0 || bytes[whole.end - 1] == 0x0a, "a cut inside a line")
  let limit = Int(start[1]) % (bytes.count + 1)
  let bounded = Records.scan(bytes, dialect: dialect, maxBytes: limit)
  precondition(bounded.end <= limit && bounded.records <= whole.records, "a limit was passed")
  let short = Records.scan(UnsafeRawBufferPointer(rebasing: bytes[..<limit]), dialect: dialect)
  precondition(short == bounded, "what lies behind the limit changed the cut")
  var records = 0
  var end = 0
  while true {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[end...])
    let step = Records.scan(rest, dialect: dialect, maxRecords: 1 + Int(start[0] >> 4))
    if step.end == 0 { break }
    records += step.records
    end += step.end
  }
  precondition(records == whole.records && end == whole.end, "a restart changed the cuts")
  let closed = Records.scan(bytes, dialect: dialect, maxRecord: 64, isLast: true)
  precondition(closed.end == 0 || bytes[closed.end - 1] == 0x0a, "a cut inside a line of a closed log")
  return 0
}
