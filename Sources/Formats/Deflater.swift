import CZlib
import Core

/// Writes one gzip member without name or time. Equal input gives equal bytes, however it is cut into calls: zlib sees
/// it in blocks of one size only.
public struct Deflater: ~Copyable {
  private static let stagedBytes = Limits.deflateIn
  private static let outputBytes = Limits.deflateOut

  /// On the heap: zlib keeps a pointer back to it.
  private let stream: UnsafeMutablePointer<z_stream>
  private let staged: UnsafeMutableRawBufferPointer
  private let output: UnsafeMutableRawBufferPointer
  private var stagedCount = 0

  /// - Parameter level: zlib's 1 (fast) to 9 (small).
  public init(level: Int) {
    precondition((1...9).contains(level), "zlib has levels 1 to 9")
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    staged = .allocate(byteCount: Self.stagedBytes, alignment: 16)
    output = .allocate(byteCount: Self.outputBytes, alignment: 16)
    // It can only fail for want of memory, where Swift's own allocations stop the process too.
    precondition(cz_deflate_init(stream, Int32(level)) == Z_OK, "no memory for zlib")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
    staged.deallocate()
    output.deallocate()
  }

  /// `emit` gets each piece of compressed output; it is valid during the call only.
  public mutating func write<E: Error>(
    _ input: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    var rest = input[...]
    if stagedCount > 0 {
      let head = rest.prefix(staged.count - stagedCount)
      stage(head)
      rest = rest.dropFirst(head.count)
      guard stagedCount == staged.count else { return }
      stagedCount = 0
      try deflateAll(UnsafeRawBufferPointer(staged), Z_NO_FLUSH, emit)
    }
    while rest.count >= staged.count {
      try deflateAll(UnsafeRawBufferPointer(rebasing: rest.prefix(staged.count)), Z_NO_FLUSH, emit)
      rest = rest.dropFirst(staged.count)
    }
    stage(rest)
  }

  /// Ends the member. Nothing may be written after it.
  public mutating func finish<E: Error>(emit: (UnsafeRawBufferPointer) throws(E) -> Void) throws(E) {
    let last = UnsafeRawBufferPointer(rebasing: staged[..<stagedCount])
    stagedCount = 0
    try deflateAll(last, Z_FINISH, emit)
  }

  private mutating func stage(_ bytes: Slice<UnsafeRawBufferPointer>) {
    guard !bytes.isEmpty else { return }
    UnsafeMutableRawBufferPointer(rebasing: staged[stagedCount...]).copyMemory(
      from: UnsafeRawBufferPointer(rebasing: bytes))
    stagedCount += bytes.count
  }

  private func deflateAll<E: Error>(
    _ input: UnsafeRawBufferPointer, _ flush: Int32, _ emit: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(input.count)
    repeat {
      stream.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(output.count)
      let code = deflate(stream, flush)
      precondition(code != Z_STREAM_ERROR, "written to after its end")
      let count = output.count - Int(stream.pointee.avail_out)
      if count > 0 { try emit(UnsafeRawBufferPointer(rebasing: output[..<count])) }
    } while stream.pointee.avail_out == 0
  }
}
