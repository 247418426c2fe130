import Core

/// Bytes on their way out, in pieces of some size, packed where that is wanted.
struct OutputBuffer: ~Copyable {
  var bytes: [UInt8] = []
  private var deflater: Deflater?

  /// Before anything goes out: what does is gzip.
  mutating func pack() { deflater = Deflater(level: 6) }

  /// - Parameter emit: gets what is to be written; it is valid during the call only.
  mutating func flush<E: Error>(
    atLeast least: Int = Limits.rewriteOut, _ emit: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard !bytes.isEmpty, bytes.count >= least else { return }
    let ready = bytes
    bytes.removeAll(keepingCapacity: true)
    guard var live = deflater.take() else {
      return try ready.withUnsafeBufferPointer { (piece) throws(E) in try emit(UnsafeRawBufferPointer(piece)) }
    }
    try ready.withUnsafeBufferPointer { (piece) throws(E) in
      try live.write(UnsafeRawBufferPointer(piece), emit: emit)
    }
    deflater = consume live
  }

  /// To be called once.
  mutating func finish<E: Error>(_ emit: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
    try flush(atLeast: 0, emit)
    if var live = deflater.take() { try live.finish(emit: emit) }
  }
}
