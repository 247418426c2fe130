/// Any bytes, as a PGP message, in packets or armored: the same is told of it however they are cut, and of its beginning nothing that the
/// whole takes back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let start, count > 1 else { return 0 }
  let bytes = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  // Most made-up bytes are no message: a session key and data before them reach further.
  let key: [UInt8] = [0x84, 3, 3, 1, 1, 0xd2, 2, 1 + start[0] & 1, 9]
  for whole in [Array(bytes), key + bytes] {
    let told = tell(whole, .max)
    for chunk in [1, 2 + Int(start[0] >> 2)] { precondition(tell(whole, chunk) == told, "it depends on the chunks") }
    let half = tell(Array(whole.prefix(whole.count / 2)), .max)
    precondition(!half.hasSecond || told.hasSecond, "a second message went away")
  }
  return 0
}

private struct Told: Equatable {
  let isAuthenticated, hasSecond: Bool
}

private func tell(_ bytes: [UInt8], _ chunk: Int) -> Told {
  var shape = MessageShape()
  var begun = 0
  while begun < bytes.count {
    let end = begun + min(chunk, bytes.count - begun)
    bytes[begun..<end].withUnsafeBytes { shape.feed($0) }
    begun = end
  }
  return Told(isAuthenticated: shape.isAuthenticated, hasSecond: shape.hasSecond)
}
