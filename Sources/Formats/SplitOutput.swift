/// What is handed over, and what is left out. What came packed is packed again where that is wanted.
struct SplitOutput: ~Copyable {
  var good = OutputBuffer()
  var bad = OutputBuffer()
  private let repacks: Bool
  private var hasBegun = false

  init(repacks: Bool) { self.repacks = repacks }

  /// - Parameter isPacked: it came so; known once there is something to write.
  mutating func flush<E: Error>(
    isPacked: Bool, good: (UnsafeRawBufferPointer) throws(E) -> Void, bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    begin(isPacked)
    try self.good.flush(good)
    try self.bad.flush(bad)
  }

  /// To be called once.
  mutating func finish<E: Error>(
    isPacked: Bool, good: (UnsafeRawBufferPointer) throws(E) -> Void, bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    begin(isPacked)
    try self.good.finish(good)
    try self.bad.finish(bad)
  }

  private mutating func begin(_ isPacked: Bool) {
    if hasBegun || self.good.bytes.isEmpty { return }
    hasBegun = true
    if repacks, isPacked { self.good.pack() }
  }
}
