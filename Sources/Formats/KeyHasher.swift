/// The digest of a key: 128 bits, so that two keys of one digest are no matter of chance that anybody will meet.
public struct RowKey: Hashable, Sendable {
  public let high, low: UInt64
  public init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }
}

/// Random for each drop: who writes rows cannot know which keys have one digest, and digests tell nothing of values.
public struct KeySeed: Hashable, Sendable {
  let first, second: UInt64

  public init(_ first: UInt64, _ second: UInt64) { (self.first, self.second) = (first, second) }

  public static func random() -> KeySeed {
    var random = SystemRandomNumberGenerator()
    return KeySeed(random.next(), random.next())
  }
}

/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein) over the cells of a key, each with its length.
struct KeyHasher: Sendable {
  private let seed: KeySeed
  private var bytes: [UInt8] = []

  init(_ seed: KeySeed) { self.seed = seed }

  /// The length stands behind the cell, so that `ab`, `c` is not `a`, `bc`.
  mutating func add(_ cell: UnsafeBufferPointer<UInt8>) {
    bytes.append(contentsOf: cell)
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: cell.count).littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func finish() -> RowKey {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes.withUnsafeBytes { Self.hash($0, seed) }
  }

  mutating func drop() -> RowKey? {
    bytes.removeAll(keepingCapacity: true)
    return nil
  }

  private struct State {
    var v0, v1, v2, v3: UInt64

    @inline(__always)
    mutating func round() {
      v0 &+= v1
      v1 = v1 << 13 | v1 >> 51
      v1 ^= v0
      v0 = v0 << 32 | v0 >> 32
      v2 &+= v3
      v3 = v3 << 16 | v3 >> 48
      v3 ^= v2
      v0 &+= v3
      v3 = v3 << 21 | v3 >> 43
      v3 ^= v0
      v2 &+= v1
      v1 = v1 << 17 | v1 >> 47
      v1 ^= v2
      v2 = v2 << 32 | v2 >> 32
    }

    @inline(__always)
    mutating func take(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }
  }

  static func hash(_ bytes: UnsafeRawBufferPointer, _ seed: KeySeed) -> RowKey {
    var state = State(
      v0: seed.first ^ 0x736f_6d65_7073_6575, v1: seed.second ^ 0x646f_7261_6e64_6f6d ^ 0xee,
      v2: seed.first ^ 0x6c79_6765_6e65_7261, v3: seed.second ^ 0x7465_6462_7974_6573)
    let whole = bytes.count & ~7
    var index = 0
    while index < whole {
      state.take(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
      index += 8
    }
    var last = UInt64(truncatingIfNeeded: bytes.count) << 56
    while index < bytes.count {
      last |= UInt64(bytes[index]) << (8 * UInt64(index - whole))
      index += 1
    }
    state.take(last)
    state.v2 ^= 0xee
    for _ in 0..<4 { state.round() }
    let high = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    state.v1 ^= 0xdd
    for _ in 0..<4 { state.round() }
    return RowKey(high: high, low: state.v0 ^ state.v1 ^ state.v2 ^ state.v3)
  }
}
