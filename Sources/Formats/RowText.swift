import CScan

/// Bytes that are written one row after another. A class with room of its own: an array would look with every value whether somebody
/// else has it.
final class RowText {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private(set) var count = 0

  init() {
    capacity = 256
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  /// Valid until more is added.
  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

  @inline(__always)
  func removeAll() { count = 0 }

  @inline(__always)
  func add(_ byte: UInt8) {
    if count == capacity { grow(by: 1) }
    base[count] = byte
    count &+= 1
  }

  @inline(__always)
  func add(_ piece: UnsafeBufferPointer<UInt8>) {
    guard let start = piece.baseAddress else { return }
    if capacity &- count < piece.count { grow(by: piece.count) }
    (base + count).update(from: start, count: piece.count)
    count &+= piece.count
  }

  /// What lies there already, once more.
  func add(_ part: cs_cell) {
    guard part.from <= part.to, part.to <= count else { return }
    let bytes = Int(part.to) - Int(part.from)
    if capacity - count < bytes { grow(by: bytes) }
    (base + count).update(from: base + Int(part.from), count: bytes)
    count += bytes
  }

  /// So many bytes, of which each is written.
  @inline(__always)
  func add(_ bytes: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Void) {
    if capacity &- count < bytes { grow(by: bytes) }
    write(base + count)
    count &+= bytes
  }

  @inline(never)
  private func grow(by bytes: Int) {
    let larger = max(2 * capacity, count + bytes)
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    room.update(from: base, count: count)
    base.deallocate()
    (base, capacity) = (room, larger)
  }
}
