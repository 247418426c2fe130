/// Cuts text into lines at each LF, whatever the pieces it comes in. A line that several pieces hold is put together; nothing else is
/// copied.
struct LineCutter {
  /// Without its end; nil: longer than it may be, which ends the cutting.
  typealias Take = (UnsafeBufferPointer<UInt8>?) -> Bool

  let most: Int
  private var begun: [UInt8] = []

  init(most: Int) { self.most = most }

  /// - Parameter take: false: no more.
  mutating func feed(_ text: UnsafeBufferPointer<UInt8>, _ take: Take) {
    var rest = text
    while let end = Bytes.first(0x0a, in: rest) {
      let line = UnsafeBufferPointer(rebasing: rest[..<end])
      rest = UnsafeBufferPointer(rebasing: rest[(end + 1)...])
      guard begun.isEmpty else {
        begun.append(contentsOf: line)
        let isMore = begun.withUnsafeBufferPointer { $0.count > most ? take(nil) : take($0) }
        begun.removeAll(keepingCapacity: true)
        if !isMore { return }
        continue
      }
      guard line.count <= most ? take(line) : take(nil) else { return }
    }
    begun.append(contentsOf: rest)
    if begun.count > most {
      begun.removeAll(keepingCapacity: false)
      _ = take(nil)
    }
  }

  /// The text has ended: its last line may have no end.
  mutating func finish(_ take: Take) {
    guard !begun.isEmpty else { return }
    _ = begun.withUnsafeBufferPointer { take($0) }
    begun.removeAll()
  }
}
