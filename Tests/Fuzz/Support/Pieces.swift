/// The same bytes, cut into pieces.
func pieces(of bytes: UnsafeRawBufferPointer, _ chunk: Int) -> [UnsafeRawBufferPointer] {
  stride(from: 0, to: bytes.count, by: min(chunk, max(1, bytes.count))).map { start in
    UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + min(chunk, bytes.count))])
  }
}
