import Core
import Testing

@testable import Formats

@Suite("Text that is not UTF-8")
struct EncodingTests {
  private static let table = "id,näme\n1,Zoë\n2,\"日本, 🚲\"\n"
  private static let latin = "id,näme\n1,Zoë\n2,\"à, b\"\n"

  private func utf16(_ text: String, bigEndian: Bool, mark: Bool) -> [UInt8] {
    ((mark ? [0xfeff] : []) + Array(text.utf16)).flatMap { unit in
      let pair = [UInt8(unit >> 8), UInt8(unit & 255)]
      return bigEndian ? pair : pair.reversed()
    }
  }

  @Test(
    "UTF-16 is read like UTF-8, in either order, however it is cut", arguments: [true, false],
    [1, 2, 3, 7, 64, 65, .max])
  func wide(bigEndian: Bool, chunk: Int) {
    let wide = rules { $0.encoding = .utf16 }
    let plain = inspect(Self.table)
    for mark in [true, false] {
      let found = inspect(utf16(Self.table, bigEndian: bigEndian, mark: mark), wide, chunk: chunk)
      #expect(found.reasons.isEmpty && found.rows == 2 && found.header == ["id", "näme"])
      #expect(found.headerDigest == plain.headerDigest && found.textBytes == plain.textBytes)
    }
  }

  @Test("Packed UTF-16 is read as well")
  func packed() {
    let found = inspect(gzip(utf16(Self.table, bigEndian: true, mark: true)), rules { $0.encoding = .utf16 }, chunk: 5)
    #expect(found.reasons.isEmpty && found.rows == 2 && found.compression == .gzip)
  }

  @Test("ISO-8859-1 is read like UTF-8, however it is cut", arguments: [1, 3, 64, .max])
  func latin1(chunk: Int) {
    let bytes = Self.latin.unicodeScalars.map { UInt8($0.value) }
    let found = inspect(bytes, rules { $0.encoding = .latin1 }, chunk: chunk)
    #expect(found.reasons.isEmpty && found.rows == 2 && found.header == ["id", "näme"])
    #expect(inspect(bytes).reasons.map(\.code) == [.badEncoding])
  }

  @Test("What is not in the feed's encoding is refused", arguments: [1, 2, 64, .max])
  func refused(chunk: Int) {
    let wide = rules { $0.encoding = .utf16 }
    let narrow = rules { $0.encoding = .latin1 }
    func codes(_ bytes: [UInt8], _ rules: TableRules) -> [Reason.Code] {
      inspect(bytes, rules, chunk: chunk).reasons.map(\.code)
    }
    let good = utf16(Self.table, bigEndian: false, mark: true)
    #expect(codes(Array(Self.table.utf8), wide) == [.badEncoding])
    #expect(codes(good.dropLast(), wide) == [.badEncoding], "half a unit at its end")
    #expect(codes(good + [0x00, 0xd8], wide) == [.badEncoding], "half a character at its end")
    #expect(codes(good + [0x00, 0xdc, 10, 0], wide) == [.badEncoding], "the wrong half")
    #expect(codes(good + [0x00, 0xd8, 10, 0], wide) == [.badEncoding], "one half without the other")
    #expect(codes([0xef, 0xbb, 0xbf] + Array(Self.latin.utf8), narrow) == [.badEncoding])
    #expect(codes(good, narrow) == [.badEncoding])
    #expect(codes([], wide) == [.empty] && codes([], narrow) == [.empty])
    #expect(codes([0xff, 0xfe], wide) == [.empty])
  }

  @Test("What is no text is told with its row, wherever in the file it stands", arguments: [0, 1, 3, 40, 400])
  func row(before: Int) {
    let rows = (0..<before).map { "\($0),some text\n" }.joined()
    for header in [true, false] {
      for encoding in [TableRules.Encoding.utf16, .utf8] {
        let rules = rules {
          $0.encoding = encoding
          $0.header = header
        }
        let start = (header ? "id,name\n" : "") + rows + "1,"
        let bytes =
          encoding == .utf16
          ? utf16(start, bigEndian: true, mark: true) + [0xd8, 0, 0, 10] : Array(start.utf8) + [0xff, 10]
        for chunk in [1, 64, .max] {
          let found = inspect(bytes, rules, chunk: chunk)
          #expect(found.reasons.map(\.code) == [.badEncoding] && found.reasons.map(\.row) == [before + 1])
          #expect(found.rows == before)
        }
      }
    }
  }

  @Test("A verdict does not depend on how the bytes were cut")
  func cuts() {
    var random = SeededRandom(7)
    for _ in 0..<200 {
      var bytes = utf16(Self.table, bigEndian: Bool.random(using: &random), mark: Bool.random(using: &random))
      for _ in 0..<Int.random(in: 0...3, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      for encoding in [TableRules.Encoding.utf16, .latin1] {
        let rules = rules { $0.encoding = encoding }
        let whole = inspect(bytes, rules)
        #expect(inspect(bytes, rules, chunk: Int.random(in: 1...9, using: &random)) == whole)
      }
    }
  }
}
