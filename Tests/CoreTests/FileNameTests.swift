import Core
import Foundation
import Testing

@Suite("Any name the kernel allows can be written down and shown")
struct FileNameTests {
  @Test(
    "Escaping goes there and back",
    arguments: [
      Array("plain.csv".utf8), Array("Käse und Brot.csv".utf8), Array("100%.csv".utf8), [0xff, 0xfe, 0x61],
      [0x0a, 0x09],
      Array("a\u{85}b".utf8), Array("%41".utf8), Array(1...255), [],
    ] as [[UInt8]])
  func roundTrip(_ bytes: [UInt8]) throws {
    let name = FileName(bytes: bytes)
    #expect(FileName(escaped: name.description) == name)
    #expect(try JSONDecoder().decode(FileName.self, from: JSONEncoder().encode(name)) == name)
    #expect(!name.description.unicodeScalars.contains { $0.value < 32 || $0.value == 127 })
  }

  @Test("Printable names are shown as they are, others escaped")
  func shown() {
    #expect(FileName("Käse.csv").description == "Käse.csv")
    #expect(FileName("100%.csv").description == "100%25.csv")
    #expect(FileName(bytes: [0x61, 0xff]).description == "a%ff")
    #expect(FileName("a\nb").description == "a%0ab")
    #expect(FileName(escaped: "a%4") == nil && FileName(escaped: "a%zz") == nil)
  }

  @Test("Stem and extension part at the last dot, never at the first byte")
  func parts() {
    #expect(FileName("a.csv.gz").stemAndExtension == ("a.csv", "gz"))
    #expect(FileName(".hidden").stemAndExtension == (".hidden", ""))
    #expect(FileName("none").stemAndExtension == ("none", ""))
  }

  @Test("A name that may hold an address is masked")
  func masked() {
    let name = FileName("jane@example.com.csv")
    #expect(!name.masked.contains("jane") && !name.masked.contains("example"))
    #expect(name.masked.hasSuffix(".csv"))
    #expect(!FileName("a.b@c").masked.contains("c›"))
    #expect(FileName("opens.csv").masked == "opens.csv")
  }

  @Test("A fault tells what, where, why and what to do")
  func fault() {
    let fault = FileFault(
      .denied, "Cannot read the log", at: "/x", why: "Permission denied (EACCES)", remedy: "Add a group")
    #expect(fault.description == "Cannot read the log /x: Permission denied (EACCES). Add a group")
    #expect(FileFault(.io, "Cannot read", at: "/x").description == "Cannot read /x")
  }
}
