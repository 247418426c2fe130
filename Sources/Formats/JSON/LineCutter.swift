/// Cuts text into lines at each LF, whatever the pieces it comes in. A line that several pieces hold is put together; nothing else is
/// copied. A byte order mark is no part of the first line.
struct LineCutter {
  /// Without its end; nil: longer than it may be, which ends the cutting.
  typealias Take = (UnsafeBufferPointer<UInt8>?) -> Bool

  private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

  let most: Int
  private var begun: [UInt8] = []
  private var isFirst = true
  /// Known with the first line.
  private(set) var hasMark = false

  init(most: Int) { self.most = most }

  /// - Parameter take: false: no more.
  mutating func feed(_ text: UnsafeBufferPointer<UInt8>, _ take: Take) {
    var rest = text
    while let end = Bytes.first(0x0a, in: rest) {
      let line = UnsafeBufferPointer(rebasing: rest[..<end])
      rest = UnsafeBufferPointer(rebasing: rest[(end + 1)...])
      guard begun.isEmpty else {
        begun.append(contentsOf: line)
        if !giveBegun(take) { return }
        continue
      }
      guard give(line, take) else { return }
    }
    begun.append(contentsOf: rest)
    // With a mark it may be longer.
    if begun.count > most + (isFirst ? Self.mark.count : 0) {
      begun.removeAll(keepingCapacity: false)
      _ = take(nil)
    }
  }

  /// The text has ended: its last line may have no end.
  mutating func finish(_ take: Take) {
    if !begun.isEmpty { _ = giveBegun(take) }
  }

  private mutating func giveBegun(_ take: Take) -> Bool {
    let line = begun
    begun.removeAll(keepingCapacity: true)
    return line.withUnsafeBufferPointer { give($0, take) }
  }

  private mutating func give(_ line: UnsafeBufferPointer<UInt8>, _ take: Take) -> Bool {
    var line = line
    if isFirst {
      isFirst = false
      hasMark = line.starts(with: Self.mark)
      if hasMark { line = UnsafeBufferPointer(rebasing: line.dropFirst(Self.mark.count)) }
    }
    return line.count <= most ? take(line) : take(nil)
  }
}
