import Core
import Foundation
import TestKit
import Testing

@testable import Formats

@Suite("Gzip is written the same each time and read with care")
struct GzipTests {
  static func sample(_ count: Int, seed: Int = 1) -> [UInt8] {
    var random = SeededRandom(seed)
    let words = ["opens", "clicks", ",", "\n", "2026-03-12T05:41:07Z", "broadLog", "\"", "é"]
    var text = ""
    while text.utf8.count < count {
      text += words.randomElement(using: &random) ?? ""
      text += String(Int.random(in: 0..<100_000, using: &random))
    }
    return Array(text.utf8.prefix(count))
  }

  @Test("Equal input gives equal bytes however it is cut", arguments: [1, 4, 6, 9])
  func deterministic(_ level: Int) {
    let input = Self.sample(300_000)
    let whole = gzip(input, level: level)
    for chunk in [17, 1000, 65_535, 65_536, 65_537, 131_072, 200_000] {
      #expect(gzip(input, level: level, chunk: chunk) == whole)
    }
  }

  @Test("A member has no time and no name")
  func plainHeader() {
    let packed = gzip(Array("x".utf8))
    #expect(Array(packed[..<8]) == [0x1f, 0x8b, 8, 0, 0, 0, 0, 0])
  }

  @Test("What was written is read back, in pieces of any size", arguments: [0, 1, 65_536, 500_000])
  func roundTrip(_ count: Int) throws {
    let input = Self.sample(count)
    for chunk in [1, 100, 1 << 20] where count / chunk < 100_000 {
      #expect(try gunzip(gzip(input), chunk: chunk) == input)
    }
  }

  @Test("gunzip reads ours")
  func tool() async throws {
    let input = Self.sample(400_000, seed: 5)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("navette-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let packed = folder.appendingPathComponent("x.gz")
    try Data(gzip(input)).write(to: packed)
    let outcome = try await Spawn.run(["gzip", "-d", packed.path], environment: Spawn.ownEnvironment)
    #expect(outcome.exitCode == 0, "\(outcome.stderr)")
    #expect(Array(try Data(contentsOf: folder.appendingPathComponent("x"))) == input)
  }

  @Test("Several members are one text")
  func members() throws {
    let parts = [Self.sample(1000), [], Self.sample(70_000, seed: 2)]
    let packed = parts.flatMap { gzip($0) }
    for chunk in [1, 2, 3, 64, 1 << 20] { #expect(try gunzip(packed, chunk: chunk) == parts.flatMap { $0 }) }
  }

  @Test("A member cut anywhere is truncated")
  func truncated() {
    let packed = gzip(Self.sample(2000))
    for count in 0..<packed.count {
      #expect(throws: GzipFault.truncated) { try gunzip(Array(packed[..<count]), chunk: 64) }
    }
  }

  @Test("A flipped bit in data, CRC or length is found")
  func damaged() {
    let packed = gzip(Self.sample(2000))
    for place in [0, 2, 20, packed.count / 2, packed.count - 8, packed.count - 1] {
      var bad = packed
      bad[place] ^= 0x10
      #expect(throws: GzipFault.self) { try gunzip(bad) }
    }
    var bad = packed
    bad[packed.count - 1] ^= 1
    #expect(throws: GzipFault.damaged) { try gunzip(bad, chunk: 7) }
  }

  @Test("What follows the last member is not passed over", arguments: [[0], [0x1f], [0x1f, 0], [0x0a]] as [[UInt8]])
  func trailing(_ rest: [UInt8]) {
    for chunk in [1, 3, 1 << 20] {
      #expect(throws: GzipFault.trailing) { try gunzip(gzip(Self.sample(2000)) + rest, chunk: chunk) }
    }
  }

  @Test("Unpacking stops at its bound")
  func bomb() {
    let packed = gzip(Array(repeating: 0x61, count: 4_000_000))
    #expect(throws: GzipFault.tooLarge) { try gunzip(packed, maxBytes: 1_000_000) }
    #expect(throws: Never.self) { try gunzip(packed, maxBytes: 4_000_000) }
    let found = inspect(packed, rules { $0.maxBytes = 1_000_000 })
    #expect(found.reasons.map(\.code) == [.tooLarge])
    #expect(found.textBytes == 1_000_000)
  }

  @Test("A packed table's faults are told by name")
  func tableFaults() {
    let packed = gzip(Array("a,b\n1,2\n".utf8))
    #expect(inspect(packed).reasons.isEmpty)
    #expect(inspect(Array(packed.dropLast(3))).reasons.map(\.code) == [.gzipTruncated])
    #expect(inspect(packed + [7]).reasons.map(\.code) == [.gzipTrailing])
    var bad = packed
    bad[bad.count - 6] ^= 1
    #expect(inspect(bad).reasons.map(\.code) == [.gzipDamaged])
    #expect(inspect(gzip([])).reasons.map(\.code) == [.empty])
    #expect(inspect(gzip(packed)).reasons.map(\.code) == [.notText])
    #expect(inspect(gzip(Array("-----BEGIN PGP MESSAGE-----".utf8))).reasons.map(\.code) == [.encrypted])
  }

  @Test("A table has one text, however it is packed, marked, encoded or cut", arguments: [1, 2, 3, 7, .max])
  func text(chunk: Int) {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let table = Array("id,name\n1,Zoë\n2,ö\n".utf8)
    let plain = inspect(table, chunk: chunk)
    #expect(plain.textDigest == nil && plain.sha256 == DigestHasher.digest(of: table))
    for other in [
      mark + table, gzip(table, level: 1), gzip(table, level: 9), gzip(mark + table), gzip(table) + gzip([]),
    ] {
      let found = inspect(other, chunk: chunk)
      #expect(found.textDigest == plain.sha256 && found.sha256 == DigestHasher.digest(of: other))
    }
    let units = [0xfeff] + Array("id,name\n1,Zoë\n2,ö\n".utf16)
    let wide = units.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    #expect(inspect(wide, rules { $0.encoding = .utf16 }, chunk: chunk).textDigest == plain.sha256)
    let narrow = "id,name\n1,Zoë\n2,ö\n".unicodeScalars.map { UInt8($0.value) }
    #expect(inspect(narrow, rules { $0.encoding = .latin1 }, chunk: chunk).textDigest == plain.sha256)
    // Half a mark is text of its own; what is damaged or cut has none.
    for other in [[0xef, 0xbb], [0xef, 0xbb, 0x41], [0xef], Array(gzip(table).dropLast(2)), gzip(table) + [1]] {
      #expect(inspect(other, chunk: chunk).textDigest == nil)
    }
    #expect(
      inspect(gzip([0xef, 0xbb, 0xbe] + table), chunk: chunk).textDigest
        == DigestHasher.digest(of: [0xef, 0xbb, 0xbe] + table))
  }

  @Test("Both digests of one pass are the known ones")
  func hashes() {
    var hasher = ObjectHasher()
    Array("ab".utf8).withUnsafeBytes { hasher.update($0) }
    Array("c".utf8).withUnsafeBytes { hasher.update($0) }
    let (sha256, md5) = hasher.finish()
    // FIPS 180-4 and RFC 1321.
    #expect(sha256.description == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(md5 == "900150983cd24fb0d6963f7d28e17f72")
  }
}
