import CScan
import Core
import TestKit
import Testing

@testable import Formats

@Suite("Text is marked in blocks of 64 bytes")
struct BlockTests {
  private static let bytes = Array("ab,;|\t:\"'\\\n\r\0\u{7f}".utf8) + [0x80, 0xc3, 0xff]

  private func text(_ count: Int, _ random: inout some RandomNumberGenerator) -> [UInt8] {
    (0..<count).map { _ in Self.bytes.randomElement(using: &random) ?? 0 }
  }

  /// Byte by byte, as the words of the header say.
  private func marks(_ text: ArraySlice<UInt8>, _ alphabet: cs_alphabet) -> [UInt64] {
    let separators = withUnsafeBytes(of: alphabet.separators) { Array($0.prefix(Int(alphabet.count))) }
    var (quotes, within, backslashes, apostrophes, ends, others, found) =
      (0, 0, 0, 0, 0, 0, 0) as (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    var isOdd = false
    for (place, byte) in text.enumerated() {
      let bit: UInt64 = 1 << UInt64(place)
      if alphabet.quotes, byte == alphabet.quote {
        quotes |= bit
        isOdd.toggle()
      }
      if isOdd { within |= bit }
      if byte == UInt8(ascii: "\\") { backslashes |= bit }
      if alphabet.apostrophes, byte == UInt8(ascii: "'") { apostrophes |= bit }
      if byte == alphabet.end { ends |= bit }
      if byte == alphabet.other { others |= bit }
      if separators.contains(byte) { found |= bit }
    }
    return [quotes, within, backslashes, apostrophes, ends, others, found]
  }

  @Test("The marks of wide and narrow comparisons are those of each byte")
  func marked() {
    var random = SplitMix64(seed: 7)
    let alphabets = [
      cs_alphabet(
        quotes: true, apostrophes: true, quote: 0x22, count: 1, separators: (0x2c, 0, 0, 0, 0), end: 10, other: 13),
      cs_alphabet(
        quotes: false, apostrophes: true, quote: 0, count: 0, separators: (0, 0, 0, 0, 0), end: 10, other: 13),
      cs_alphabet(
        quotes: true, apostrophes: false, quote: 0, count: 5, separators: (0x2c, 0x3b, 0x7c, 0x09, 0x3a), end: 13,
        other: 10),
      cs_alphabet(
        quotes: true, apostrophes: false, quote: 0x27, count: 2, separators: (0x80, 0xff, 0x2c, 0x2c, 0x2c), end: 10,
        other: 13),
    ]
    for alphabet in alphabets {
      for blocks in [1, 2, 7, 256] {
        let text = text(blocks * 64, &random)
        for mark in [cs_mark, cs_mark_narrow] {
          var found = [cs_marks](repeating: cs_marks(), count: blocks)
          _ = withUnsafePointer(to: alphabet) { mark(text, blocks, $0, &found) }
          for block in 0..<blocks {
            let one = found[block]
            let wanted = marks(text[(block * 64)..<(block * 64 + 64)], alphabet)
            #expect(
              [one.quotes, one.within, one.backslashes, one.apostrophes, one.ends, one.others, one.separators] == wanted
            )
          }
        }
      }
    }
  }

  @Test("Plain text ends at the block of the first byte that is NUL or no ASCII, in wide and narrow comparisons")
  func plain() {
    for count in [0, 1, 63, 64, 65, 200, 1_000] {
      for place in stride(from: 0, through: count, by: 13) {
        for other: UInt8 in [0, 0x80, 0xc3, 0xff] {
          var text = [UInt8](repeating: 0x7f, count: count)
          if place < count { text[place] = other }
          let wanted = (place < count ? place : count) / 64 * 64
          #expect(cs_plain(text, count) == wanted && cs_plain_narrow(text, count) == wanted)
        }
      }
    }
  }

  @Test("A shorter block has no mark behind its end, whatever lies there")
  func short() {
    let text = Array("a,b\n\"\\".utf8) + [UInt8](repeating: 0x2c, count: 90)
    text.withUnsafeBufferPointer { all in
      for count in 1...70 {
        let part = UnsafeBufferPointer(rebasing: all[..<count])
        let alphabet = Alphabet(quote: 0x22, separators: [0x2c])
        let marked = MarkedText(part, alphabet, in: MarkRoom())
        #expect(marked.blocks == (count + 63) / 64 && marked.fullBlocks == count / 64)
        for index in 0..<marked.blocks {
          let (one, other) = (marked[index], Block(part, at: index * 64, alphabet))
          #expect(one.count == min(64, count - index * 64) && one.count == other.count)
          let masks = [one.quotes, one.backslashes, one.ends, one.separators]
          #expect(masks == [other.quotes, other.backslashes, other.ends, other.separators])
          #expect(masks.allSatisfy { $0 & ~Block.lowest(one.count) == 0 })
          #expect(one.separators.nonzeroBitCount == part[(index * 64)..<(index * 64 + one.count)].count { $0 == 0x2c })
        }
      }
    }
  }
}
