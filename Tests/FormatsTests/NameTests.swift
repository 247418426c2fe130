import Core
import Testing

@testable import Formats

@Suite("Names are matched and made by bytes")
struct NameTests {
  @Test(
    "A pattern matches what a shell's would",
    arguments: [
      ("*", "a.csv", true), ("*", ".hidden", false), (".*", ".hidden", true), ("*.csv", "a.csv", true),
      ("*.csv", "a.csv.gz", false), ("a?c", "abc", true), ("a?c", "aéc", true), ("a?c", "ac", false),
      ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("[^a-c]x", "dx", true), ("[]x]", "]", true), ("[", "[", true),
      ("[ab", "[ab", true), ("a\\*b", "a*b", true), ("a\\*b", "axb", false), ("*a*b*c*", "xxaxxbxxcxx", true),
      ("*a*b*c*", "xxaxxcxxbxx", false), ("**", "", true), ("", "", true), ("", "a", false), ("?", ".", false),
      ("*_2026*.csv", "x_20260312_060512_2.csv", true), ("[z-a]", "z", true), ("[a-]", "-", true),
      ("A.csv", "a.csv", false),
    ])
  func globs(_ pattern: String, _ name: String, _ expected: Bool) {
    #expect(Glob(pattern).matches(name.utf8) == expected)
  }

  @Test("A name that is not text is matched too, and no pattern takes long")
  func hardGlobs() {
    #expect(Glob("a?b").matches([0x61, 0xff, 0x62]))
    let stars = String(repeating: "*a", count: 30) + "b"
    #expect(!Glob(stars).matches(Array(repeating: UInt8(ascii: "a"), count: 255)))
  }

  func render(_ template: String, _ name: FileName) throws -> FileName {
    let feed = try #require(FeedName("audiences"))
    let drop = try #require(DropID("20260304T101500Z-9f2c41"))
    return try NameTemplate(template).render(name: name, feed: feed, drop: drop, at: Timestamp(seconds: 0))
  }

  @Test(
    "Every placeholder is filled",
    arguments: [
      ("{name}", "a.csv.gz", "a.csv.gz"), ("{feed}_{utc}_{stem}.{ext}", "a.csv", "audiences_19700101T000000Z_a.csv"),
      ("{stem}-{drop}.{ext}", "a.csv", "a-20260304T101500Z-9f2c41.csv"), ("x{stem}.{ext}", "none", "xnone"),
      ("{name}", ".hidden", ".hidden"), ("{stem}.{ext}", "a.", "a."), ("{name}.done", "é.csv", "é.csv.done"),
    ])
  func names(_ template: String, _ name: String, _ expected: String) throws {
    #expect(try render(template, FileName(name)) == FileName(expected))
  }

  @Test(
    "The folder below landing is a part of the name, and where there is none, nothing is left of it",
    arguments: [
      ("{folder}_{name}", "vip_2026_a.csv", "a.csv"), ("{stem}-{folder}.{ext}", "a-vip_2026.csv", "a.csv"),
      ("{feed}_{folder}_{name}", "audiences_vip_2026_a.csv", "audiences_a.csv"),
      ("{folder}{name}", "vip_2026a.csv", "a.csv"),
      ("{folder}.{name}", "vip_2026.a.csv", "a.csv"), ("x{folder}y.{ext}", "xvip_2026y.csv", "xy.csv"),
    ])
  func folders(_ template: String, _ below: String, _ itself: String) throws {
    let feed = try #require(FeedName("audiences"))
    let drop = try #require(DropID("20260304T101500Z-9f2c41"))
    for (folders, expected) in [([FileName("vip"), FileName("2026")], below), ([], itself)] {
      let name = try NameTemplate(template).render(
        name: FileName("a.csv"), folders: folders, feed: feed, drop: drop, at: Timestamp(seconds: 0))
      #expect(name == FileName(expected))
    }
  }

  @Test("A name that is not text stays as it is")
  func rawNames() throws {
    let raw = FileName(bytes: [0xff, 0x2e, 0xfe])
    #expect(try render("{name}", raw) == raw)
    #expect(try render("{stem}_.{ext}", raw).bytes == [0xff, 0x5f, 0x2e, 0xfe])
  }

  @Test(
    "Templates that could hide a file or leave the folder are refused",
    arguments: ["", "a/{name}", ".{name}", "{nam}", "{name", "name}", "a\u{0}"])
  func badTemplates(_ text: String) {
    #expect(throws: TemplateComplaint.self) { try NameTemplate(text) }
  }

  @Test("Results that are no name are refused")
  func badResults() {
    #expect(throws: TemplateComplaint.self) {
      try render("{name}-{drop}", FileName(String(repeating: "x", count: 240)))
    }
    #expect(throws: TemplateComplaint.self) { try render("{ext}", FileName("x")) }
    #expect(throws: TemplateComplaint.self) { try render("{ext}.{stem}", FileName("x")) }
    #expect(throws: TemplateComplaint.self) { try render("{name}", FileName("..")) }
    #expect(throws: TemplateComplaint.self) { try render("{name}", FileName("a/b")) }
  }

  @Test("First bytes tell what a file is")
  func sniff() {
    func kind(_ text: String) -> Sniff { Sniff(Array(text.utf8)) }
    #expect(kind("") == .empty)
    #expect(kind("a,b\n") == .text)
    #expect(kind("é,ü\n") == .text)
    #expect(kind("Ünïcödé\n") == .text)
    #expect(kind("名前,メール\n") == .text)
    #expect(kind("\u{feff}a") == .utf8BOM)
    #expect(kind("-----BEGIN PGP MESSAGE-----") == .pgp)
    #expect(kind("PK\u{3}\u{4}") == .other(.zip))
    #expect(kind("BZh91AY&SY12") == .other(.bzip2))
    #expect(kind("BZh9 is a brand") == .text)
    #expect(kind("\u{7f}ELF\u{2}\u{1}\u{1}") == .binary)
    #expect(Sniff([0x1f, 0x8b, 8]) == .gzip)
    #expect(Sniff([0xff, 0xfe, 0x61, 0]) == .utf16)
    #expect(Sniff([0, 0x61, 0, 0x62]) == .utf16)
    // Packets: session key (old and new form), symmetric session key, compressed data.
    #expect(Sniff([0x84, 0x5e, 0x03, 1, 2]) == .pgp)
    #expect(Sniff([0xc1, 0x5e, 0x03, 1, 2]) == .pgp)
    #expect(Sniff([0x8c, 0x0d, 0x04, 0x09]) == .pgp)
    #expect(Sniff([0xa3, 0x01, 0x5b]) == .pgp)
  }

  @Test("Every character of Latin, Greek, Cyrillic and the common others may begin a table")
  func sniffText() {
    for scalar in (0xa0...0xffff as ClosedRange<UInt32>).compactMap(Unicode.Scalar.init) where scalar != "\u{feff}" {
      #expect(Sniff(Array(String(scalar).utf8) + Array("x,y\n".utf8)) == .text)
    }
  }
}
