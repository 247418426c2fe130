import CScan

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

enum Bytes {
  /// Where a byte first occurs.
  static func first(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard let start = bytes.baseAddress, let hit = memchr(start, Int32(byte), bytes.count) else { return nil }
    return UnsafeRawPointer(hit) - UnsafeRawPointer(start)
  }

  @inline(__always)
  static func areEqual(_ one: UnsafeBufferPointer<UInt8>, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
    guard one.count == other.count, let first = one.baseAddress, let second = other.baseAddress else {
      return one.count == other.count
    }
    return memcmp(first, second, one.count) == 0
  }

  /// Of so many bytes at the start each is ASCII and not NUL. There may be more of them, by less than 64.
  static func plain(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    bytes.baseAddress.map { cs_plain($0, bytes.count) } ?? 0
  }
}
