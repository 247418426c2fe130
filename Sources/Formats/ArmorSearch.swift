import CScan

/// Looks for lines with which armored PGP data begins, in text that comes in pieces and begins with a line.
struct ArmorSearch {
  /// The last bytes so far: one before what may be the beginning of such a line.
  private var tail: [UInt8] = [Alphabet.lineFeed]

  /// Where the first begins, from the start of the piece: below zero, where it began before that.
  mutating func first(in piece: UnsafeBufferPointer<UInt8>) -> Int? {
    let armor = Sniff.armor
    let seam = tail + piece.prefix(armor.count - 1)
    for start in 1..<max(1, tail.count) where seam[start...].starts(with: armor) && Self.isEnd(seam[start - 1]) {
      return start - tail.count
    }
    defer { tail = (tail + piece.suffix(armor.count)).suffix(armor.count) }
    var start = 0
    while let address = piece.baseAddress, start < piece.count,
      let hit = cs_find(address + start, piece.count - start, armor, armor.count)
    {
      let found = hit - address
      if Self.isEnd(found > 0 ? piece[found - 1] : tail.last) { return found }
      start = found + 1
    }
    return nil
  }

  private static func isEnd(_ byte: UInt8?) -> Bool { byte == Alphabet.lineFeed || byte == Alphabet.carriageReturn }
}
