import CZlib
import Core

/// Why compressed bytes cannot be read.
public enum GzipFault: Error, Hashable, Sendable {
  /// They are not gzip, or a checksum or length differs.
  case damaged
  /// They end inside a member.
  case truncated
  /// Something that is not a member follows the last one.
  case trailing
  /// They unpack to more than was allowed.
  case tooLarge
}

/// Reads gzip, one member after another, in constant memory. zlib checks each member's CRC and length.
public struct Inflater: ~Copyable {
  private static let outputBytes = Limits.inflateOut
  private static let magic: [UInt8] = [0x1f, 0x8b]

  private enum Place { case member, between, halfMagic }

  /// On the heap: zlib keeps a pointer back to it.
  private let stream: UnsafeMutablePointer<z_stream>
  private let output: UnsafeMutableRawBufferPointer
  private let maxBytes: UInt64
  private var place = Place.member
  /// Unpacked so far; never more than `maxBytes`.
  public private(set) var unpackedBytes: UInt64 = 0

  /// - Parameter maxBytes: of output, over all members; unpacking stops there, so a small file cannot fill a disk or a
  ///   day.
  public init(maxBytes: UInt64 = .max) {
    self.maxBytes = maxBytes
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    output = .allocate(byteCount: Self.outputBytes, alignment: 16)
    precondition(cz_inflate_init(stream) == Z_OK, "no memory for zlib")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    output.deallocate()
  }

  /// `emit` gets each piece of output, valid during the call only, and answers whether it wants more. After a fault or
  /// an answer of false, the rest of the input is not looked at and nothing may be written any more.
  public mutating func write(
    _ input: UnsafeRawBufferPointer, emit: (UnsafeRawBufferPointer) -> Bool
  ) throws(GzipFault) {
    var rest = input[...]
    while !rest.isEmpty {
      switch place {
      case .member:
        let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Limits.inflateIn))
        guard let used = try inflatePart(part, emit) else { return }
        rest = rest.dropFirst(used)
      case .between, .halfMagic:
        let wanted = Self.magic[place == .between ? 0 : 1]
        guard rest.removeFirst() == wanted else { throw .trailing }
        if place == .between {
          place = .halfMagic
        } else {
          try beginMember(emit)
        }
      }
    }
  }

  /// Says whether the bytes were complete.
  public func finish() throws(GzipFault) {
    switch place {
    case .member: throw .truncated
    case .halfMagic: throw .trailing
    case .between: return
    }
  }

  private mutating func beginMember(_ emit: (UnsafeRawBufferPointer) -> Bool) throws(GzipFault) {
    inflateReset(stream)
    place = .member
    let magic = Self.magic
    let address = UnsafeMutablePointer<UInt8>.allocate(capacity: magic.count)
    defer { address.deallocate() }
    address.initialize(from: magic, count: magic.count)
    _ = try inflatePart(UnsafeRawBufferPointer(start: address, count: magic.count), emit)
  }

  /// How many bytes were used; nil where `emit` wants no more.
  private mutating func inflatePart(
    _ input: UnsafeRawBufferPointer, _ emit: (UnsafeRawBufferPointer) -> Bool
  ) throws(GzipFault) -> Int? {
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
    stream.pointee.avail_in = UInt32(input.count)
    while true {
      stream.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
      stream.pointee.avail_out = UInt32(output.count)
      let code = inflate(stream, Z_NO_FLUSH)
      let made = output.count - Int(stream.pointee.avail_out)
      let allowed = Int(min(UInt64(made), maxBytes -| unpackedBytes))
      unpackedBytes += UInt64(allowed)
      if allowed > 0, !emit(UnsafeRawBufferPointer(rebasing: output[..<allowed])) { return nil }
      if allowed < made { throw .tooLarge }
      switch code {
      case Z_STREAM_END:
        place = .between
        return input.count - Int(stream.pointee.avail_in)
      case Z_OK, Z_BUF_ERROR:
        // A full output buffer may hide more; otherwise all input is used.
        if stream.pointee.avail_out > 0 { return input.count }
      case Z_MEM_ERROR: preconditionFailure("no memory for zlib")
      default: throw .damaged
      }
    }
  }
}
