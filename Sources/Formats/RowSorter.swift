public import Core

/// Where sorted rows lie that memory has no room for: written once, from the start to the end, then read at any place.
public protocol RowSpill: AnyObject {
  func append(_ bytes: UnsafeRawBufferPointer) throws(FileFault)
  /// Fills the buffer from `offset`: all of that was written before.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault)
}

/// 24 bytes that stand for a row, ordered by the first number, then the second, then the third.
struct RowEntry: Hashable {
  var first, second, third: UInt64

  static func < (one: RowEntry, other: RowEntry) -> Bool {
    if one.first != other.first { return one.first < other.first }
    return one.second != other.second ? one.second < other.second : one.third < other.third
  }
}

/// Sorts entries in constant memory: stretches of them in memory, then merged from the disk.
///
/// What fits into memory never touches the disk.
final class RowSorter {
  private struct Run {
    var offset: UInt64
    var count: Int
  }

  private let spill: any RowSpill
  private let capacity: Int
  private let mostRuns: Int
  private let room: UnsafeMutableBufferPointer<RowEntry>
  private let spare: UnsafeMutableBufferPointer<RowEntry>
  private var held = 0
  private var runs: [Run] = []
  private var written: UInt64 = 0

  /// - Parameters:
  ///   - capacity: entries in memory.
  ///   - mostRuns: that are merged at a time.
  init(_ spill: any RowSpill, capacity: Int = Limits.sortedRows, mostRuns: Int = Limits.mergedRuns) {
    precondition(mostRuns >= 2 && capacity >= mostRuns, "each run needs room for an entry")
    (self.spill, self.capacity, self.mostRuns) = (spill, capacity, mostRuns)
    room = .allocate(capacity: capacity)
    spare = .allocate(capacity: capacity)
  }

  deinit {
    room.deallocate()
    spare.deallocate()
  }

  func add(_ entry: RowEntry) throws(FileFault) {
    if held == capacity { try spillRun() }
    room.initializeElement(at: held, to: entry)
    held += 1
  }

  /// All of them, in order. To be called once.
  func sorted(_ body: (RowEntry) throws(FileFault) -> Void) throws(FileFault) {
    if runs.isEmpty {
      sortRoom()
      for index in 0..<held { try body(room[index]) }
      return
    }
    if held > 0 { try spillRun() }
    while runs.count > mostRuns {
      // From the oldest on: so each entry is written as seldom as can be.
      let group = Array(runs.prefix(mostRuns))
      runs.removeFirst(group.count)
      let run = Run(offset: written, count: group.reduce(0) { $0 + $1.count })
      var out = OutBuffer(spare: outRoom)
      try merge(group) { (entry) throws(FileFault) in
        if out.isFull { try flush(&out) }
        out.append(entry)
      }
      try flush(&out)
      runs.append(run)
    }
    try merge(runs, body)
  }

  private func spillRun() throws(FileFault) {
    sortRoom()
    runs.append(Run(offset: written, count: held))
    try write(
      UnsafeRawBufferPointer(
        UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[..<(held * stride)])))
    held = 0
  }

  private var stride: Int { MemoryLayout<RowEntry>.stride }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    try spill.append(bytes)
    written += UInt64(bytes.count)
  }

  // MARK: In memory

  /// By the upper bits of the first number, which suffice for digests; what they leave is put right by insertion, or sorted where it
  /// is much.
  private func sortRoom() {
    guard held > 1 else { return }
    if (1..<held).allSatisfy({ room[$0 - 1] < room[$0] }) { return }
    for shift: UInt64 in [42, 53] {
      distribute(by: shift, from: shift == 42 ? room : spare, to: shift == 42 ? spare : room)
    }
    var moves = 0
    for index in 1..<held where room[index] < room[index - 1] {
      let entry = room[index]
      var place = index
      while place > 0, entry < room[place - 1] {
        room[place] = room[place - 1]
        place -= 1
      }
      room[place] = entry
      moves += index - place
      // They are no digests.
      if moves > 8 * held { return sortAnything() }
    }
  }

  private func sortAnything() {
    var all = UnsafeMutableBufferPointer(rebasing: room[..<held])
    all.sort(by: <)
  }

  private func distribute(
    by shift: UInt64, from source: UnsafeMutableBufferPointer<RowEntry>, to target: UnsafeMutableBufferPointer<RowEntry>
  ) {
    var starts = [Int](repeating: 0, count: 2_048)
    for index in 0..<held { starts[Int(source[index].first >> shift & 2_047)] += 1 }
    var total = 0
    for bucket in starts.indices { (starts[bucket], total) = (total, total + starts[bucket]) }
    for index in 0..<held {
      let bucket = Int(source[index].first >> shift & 2_047)
      target.initializeElement(at: starts[bucket], to: source[index])
      starts[bucket] += 1
    }
  }

  // MARK: From the disk

  private struct OutBuffer {
    let spare: UnsafeMutableBufferPointer<RowEntry>
    var count = 0
    var isFull: Bool { count == spare.count }
    mutating func append(_ entry: RowEntry) {
      spare.initializeElement(at: count, to: entry)
      count += 1
    }
  }

  /// While runs are merged, they are read into one buffer and written from the other.
  private var outRoom: UnsafeMutableBufferPointer<RowEntry> { spare }

  private func flush(_ out: inout OutBuffer) throws(FileFault) {
    let bytes = UnsafeMutableRawBufferPointer(
      rebasing: UnsafeMutableRawBufferPointer(out.spare)[..<(out.count * stride)])
    if out.count > 0 { try write(UnsafeRawBufferPointer(bytes)) }
    out.count = 0
  }

  private struct Reader {
    var next: Int
    var end: Int
    var left: Int
    var offset: UInt64
  }

  private func merge(_ runs: [Run], _ body: (RowEntry) throws(FileFault) -> Void) throws(FileFault) {
    let share = capacity / runs.count
    var readers = runs.indices.map {
      Reader(next: $0 * share, end: $0 * share, left: runs[$0].count, offset: runs[$0].offset)
    }
    /// Fills the reader's share of the room; false: it is through.
    func fill(_ number: Int) throws(FileFault) -> Bool {
      guard readers[number].left > 0 else { return false }
      let count = min(share, readers[number].left)
      let start = number * share
      let bytes = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(room)[(start * stride)..<((start + count) * stride)])
      try spill.read(into: bytes, at: readers[number].offset)
      readers[number].left -= count
      readers[number].offset += UInt64(count * stride)
      (readers[number].next, readers[number].end) = (start, start + count)
      return true
    }
    // A heap of readers, the least entry first.
    var heap: [Int] = []
    for number in readers.indices where try fill(number) { heap.append(number) }
    func isLess(_ one: Int, _ other: Int) -> Bool { room[readers[one].next] < room[readers[other].next] }
    func sink(_ start: Int) {
      var place = start
      while true {
        var least = place
        for child in [2 * place + 1, 2 * place + 2] where child < heap.count && isLess(heap[child], heap[least]) {
          least = child
        }
        if least == place { return }
        heap.swapAt(place, least)
        place = least
      }
    }
    for place in (0..<(heap.count / 2)).reversed() { sink(place) }
    while let top = heap.first {
      try body(room[readers[top].next])
      readers[top].next += 1
      if readers[top].next == readers[top].end, try !fill(top) {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
      }
      sink(0)
    }
  }
}
