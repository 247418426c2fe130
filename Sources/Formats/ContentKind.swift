import Core

/// What is no table, by its name.
public enum ContentKind: String, Hashable, Sendable, CaseIterable {
  case json = "JSON", parquet = "Parquet", avro = "Avro", arrow = "Arrow", html = "HTML", xml = "XML"
  case zip = "ZIP", bzip2, zstd = "Zstandard", xz, sevenZip = "7z", rar = "RAR", lz4 = "LZ4", lzip, compress =
    "compress (.Z)"
  case zlib, snappy = "Snappy", tar
  case excel = "an old Excel or Office file", pdf = "PDF", rtf = "RTF", sqlite = "SQLite"
  case image = "an image"
  case age, openssl = "OpenSSL", pem = "PEM"

  /// It may hold a table that is encrypted, and not by PGP.
  public var isEncrypted: Bool { [.age, .openssl, .pem].contains(self) }

  /// What is said of it where a table was expected.
  var reason: Reason { reason(insteadOf: "delimited text") }

  func reason(insteadOf wanted: String) -> Reason {
    if isEncrypted { return Reason(.encrypted, "The content is encrypted (\(rawValue)), and not by PGP") }
    let hint =
      switch self {
      case .zip: ", as spreadsheets (.xlsx) are, too"
      case .html: ": perhaps an error page"
      default: ""
      }
    return Reason(.notText, "The content is \(rawValue)\(hint), and not \(wanted)")
  }

  private static let signatures: [(ContentKind, [UInt8])] = [
    (.zip, [0x50, 0x4b, 3, 4]), (.zip, [0x50, 0x4b, 5, 6]), (.zip, [0x50, 0x4b, 7, 8]),
    (.avro, Array("Obj".utf8) + [1]),
    (.arrow, Array("ARROW1".utf8) + [0]), (.zstd, [0x28, 0xb5, 0x2f, 0xfd]),
    (.xz, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), (.sevenZip, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]),
    (.rar, Array("Rar!".utf8) + [0x1a, 7]), (.lz4, [4, 0x22, 0x4d, 0x18]), (.lzip, Array("LZIP".utf8) + [1]),
    (.compress, [0x1f, 0x9d]), (.zlib, [0x78, 0x9c]), (.zlib, [0x78, 1]),
    (.snappy, [0xff, 6, 0, 0] + Array("sNaPpY".utf8)), (.excel, [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]),
    (.pdf, Array("%PDF-".utf8)), (.rtf, Array("{\\rtf".utf8)), (.sqlite, Array("SQLite format 3".utf8) + [0]),
    (.image, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]), (.image, [0xff, 0xd8, 0xff]), (.image, Array("GIF87a".utf8)),
    (.image, Array("GIF89a".utf8)), (.age, Array("age-encryption.org/".utf8)), (.openssl, Array("Salted__".utf8)),
  ]

  /// By bytes at fixed places. Nil: none that is known.
  init?(_ head: [UInt8]) {
    if let known = Self.signatures.first(where: { head.starts(with: $0.1) }) {
      self = known.0
    } else if head.starts(with: Array("BZh".utf8)), head.count > 9, (0x31...0x39).contains(head[3]),
      head[4...].starts(with: [0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
    {
      self = .bzip2
    } else if head.starts(with: Array("PAR1".utf8)) || head.starts(with: Array("PARE".utf8)),
      head.count == 4 || head[4] < 0x09 || (0x0e...0x1f).contains(head[4]) || head[4] >= 0x80
    {
      // A column may be called so.
      self = .parquet
    } else if head.count > 262, head[257...].starts(with: Array("ustar".utf8)) {
      self = .tar
    } else {
      return nil
    }
  }

  /// By what the text begins with; a byte order mark is no part of it.
  init?(text: ArraySlice<UInt8>) {
    let text = text.drop { [0x20, 0x09, 0x0a, 0x0d].contains($0) }
    func begins(_ word: String) -> Bool {
      text.prefix(word.utf8.count).map { (65...90).contains($0) ? $0 | 0x20 : $0 } == Array(word.utf8)
    }
    if text.first == UInt8(ascii: "<") {
      if ["<!doctype html", "<html", "<head", "<body"].contains(where: begins) {
        self = .html
      } else if ["<?xml", "<!doctype", "<!--", "<error>"].contains(where: begins) {
        self = .xml
      } else {
        return nil
      }
    } else if ["-----begin age ", "-----begin pkcs7", "-----begin cms"].contains(where: begins) {
      self = begins("-----begin age ") ? .age : .pem
    } else if JSONStart.matches(text) {
      self = .json
    } else {
      return nil
    }
  }
}
