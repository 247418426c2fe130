/// Any bytes: packed, they come back; taken for gzip, they end in a fault or in text, within the bound.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGzip(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 0 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  var deflater = Deflater(level: 1 + Int(start[0]) % 9)
  var packed: [UInt8] = []
  deflater.write(bytes) { packed.append(contentsOf: $0) }
  deflater.finish { packed.append(contentsOf: $0) }
  let back = packed.withUnsafeBytes { unpack($0) }
  precondition(back.map { $0.elementsEqual(bytes) } ?? false, "packed and unpacked, the bytes differ")
  if let text = unpack(bytes) { precondition(text.count <= 1 << 20, "unpacked past the bound") }
  return 0
}

private func unpack(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
  var inflater = Inflater(maxBytes: 1 << 20)
  var text: [UInt8] = []
  do throws(GzipFault) {
    try inflater.write(bytes) {
      text.append(contentsOf: $0)
      return true
    }
    try inflater.finish()
  } catch { return nil }
  return text
}
