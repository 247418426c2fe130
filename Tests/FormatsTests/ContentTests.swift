import Core
import Testing

@testable import Formats

@Suite("What is no table is told by name")
struct ContentTests {
  private static let chunks = [1, 64, 1_000]

  private func reason(_ bytes: [UInt8], _ change: (inout TableRules) -> Void = { _ in }) -> Reason? {
    let found = inspect(bytes, rules(change))
    for chunk in Self.chunks { #expect(inspect(bytes, rules(change), chunk: chunk).reasons == found.reasons) }
    return found.reasons.first
  }

  @Test(
    "JSON, whole or in lines, behind blanks and a mark",
    arguments: [
      "{\"id\":1,\"email\":\"a\"}\n{\"id\":2}\n", "[{\"id\":1},\n{\"id\":2}]", "\u{feff}{ \"a\" : [1, 2.5e-3, null] }",
      "\n  [\n  {", "[]", "{}", "[1, 2]\n", "[\"a\",\"b\"]\n[\"c\",\"d\"]\n", "{\"a\":\"}\\\"{\",\"b\":tr",
      "{\"a\":{\"b\":{}}}{\"a\":1}",
    ])
  func json(_ text: String) {
    for bytes in [Array(text.utf8), gzip(Array(text.utf8))] {
      let reason = reason(bytes)
      #expect(reason?.code == .notText && reason?.message.contains("JSON") == true)
    }
    #expect(reason(Array(text.utf8)) { $0.encoding = .latin1 }?.code == .notText)
    let wide: [UInt8] = [0xff, 0xfe] + text.utf16.flatMap { unit -> [UInt8] in [UInt8(unit & 255), UInt8(unit >> 8)] }
    #expect(text.hasPrefix("\u{feff}") || reason(wide) { $0.encoding = .utf16 }?.code == .notText)
  }

  @Test(
    "A table may begin with a brace or bracket, a lesser sign, or the letters of another kind",
    arguments: [
      "[id],[name]\n1,a\n", "{id},{name}\n1,a\n", "[1],a\n[2],b\n", "{\"a\":1},b\nx,y\n", "<id>,<name>\n1,a\n",
      "PAR1,b\n1,2\n",
      "PARENT,b\n1,2\n", "Rar!,b\n1,2\n", "Object,b\n1,2\n", "[true],b\n1,2\n", "xml,html\n1,2\n",
      "id,note\n1,-----BEGIN PGP x\n",
    ])
  func tables(_ text: String) {
    let found = inspect(text)
    #expect(found.reasons.isEmpty && found.header?.count == 2)
  }

  @Test(
    "Other kinds, plain and inside of gzip",
    arguments: [
      ("Parquet", Array("PAR1".utf8) + [0x15, 4]), ("Avro", Array("Obj".utf8) + [1, 4]),
      ("ZIP", [0x50, 0x4b, 3, 4, 20]),
      ("bzip2", Array("BZh91AY&SY1234".utf8)), ("Zstandard", [0x28, 0xb5, 0x2f, 0xfd, 4]),
      ("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]), ("7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]),
      ("PDF", Array("%PDF-1.7\n".utf8)),
      ("HTML", Array("\n<!DOCTYPE html><html>".utf8)), ("HTML", Array("<HTML>\n<body>".utf8)),
      ("XML", Array("\u{feff}<?xml version=\"1.0\"?>".utf8)), ("XML", Array("<Error><Code>AccessDenied</Code>".utf8)),
      ("tar", [UInt8](repeating: 0x61, count: 257) + Array("ustar\0".utf8)), ("LZ4", [4, 0x22, 0x4d, 0x18, 1]),
      ("SQLite", Array("SQLite format 3\0".utf8)), ("Excel", [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
      ("zlib", [0x78, 0x9c, 3]),
    ] as [(String, [UInt8])])
  func kinds(_ name: String, _ bytes: [UInt8]) {
    for bytes in [bytes, bytes + [UInt8](repeating: 0x2c, count: 3_000), gzip(bytes)] {
      let reason = reason(bytes)
      #expect(reason?.code == .notText && reason?.message.contains(name) == true)
    }
    #expect(reason(bytes) { $0.encoding = .latin1 }?.message.contains(name) == true)
  }

  @Test("Gzip inside of gzip, and what others than PGP encrypt")
  func twice() {
    #expect(reason(gzip(gzip(Array("a,b\n1,2\n".utf8))))?.message.contains("twice") == true)
    for text in [
      "age-encryption.org/v1\n-> X", "Salted__abcdefgh", "-----BEGIN PKCS7-----\n",
      "-----BEGIN AGE ENCRYPTED FILE-----\n",
    ] {
      #expect(reason(Array(text.utf8))?.code == .encrypted)
    }
  }

  @Test("Behind a mark, a blank or a greeting, however long, PGP data is no row")
  func armor() {
    let message = "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n=abcd\n-----END PGP MESSAGE-----\n"
    let long = (0..<2_000).map { "line \($0)\n" }.joined()
    for before in ["", "\u{feff}", "\n", " ", "\r\n", "Hello,\nhere it is:\n\n", "id\r\n1\r\n", long, "title\n" + long]
    {
      for text in [before + message, before.replacing("\n", with: "\r\n") + message] {
        let found = inspect(text)
        #expect(found.reasons.map(\.code) == [.encrypted])
        for chunk in [1, 3, 14, 15, 16, 4_096] {
          let other = inspect(text, chunk: chunk)
          #expect(other.reasons == found.reasons && other.rows == found.rows)
        }
        #expect(inspect(gzip(Array(text.utf8))).reasons == found.reasons)
        // What the feed expects of its tables is no matter, where it is told by the first bytes.
        guard before.utf8.count < 100 else { continue }
        for encoding in [TableRules.Encoding.utf16, .latin1] {
          #expect(inspect(text, rules { $0.encoding = encoding }).reasons.map(\.code) == [.encrypted])
        }
      }
    }
    let packets = [0x85, 0x01, 0x0c, 0x03] + [UInt8](repeating: 0x9b, count: 300)
    for encoding in [TableRules.Encoding.utf8, .utf16, .latin1] {
      #expect(inspect(packets, rules { $0.encoding = encoding }).reasons.map(\.code) == [.encrypted])
    }
    #expect(inspect("id\nx-----BEGIN PGP MESSAGE-----\n----BEGIN PGP \n").reasons.isEmpty)
  }
}
