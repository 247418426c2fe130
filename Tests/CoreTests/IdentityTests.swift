import Core
import Foundation
import Testing

@Suite("Identifiers survive being written down")
struct IdentityTests {
  @Test(
    "A name keeps to the alphabet of folders and keys",
    arguments: ["a", "opens", "A9._-", String(repeating: "x", count: 64)])
  func names(_ text: String) throws {
    let name = try #require(StreamName(text))
    #expect(name.text == text)
    #expect(try JSONDecoder().decode(StreamName.self, from: JSONEncoder().encode(name)) == name)
  }

  @Test(
    "No other text is a name",
    arguments: ["", ".a", "-a", "_a", "a b", "a/b", "é", "a\n", String(repeating: "x", count: 65)])
  func noNames(_ text: String) {
    #expect(StreamName(text) == nil)
  }

  @Test("A batch is its stream and number, read from the right")
  func batches() throws {
    let stream = try #require(StreamName("a-000001"))
    for sequence in [1, 42, 999_999, 1_000_000] {
      let id = BatchID(stream: stream, sequence: sequence)
      #expect(BatchID(id.description) == id)
      #expect(try JSONDecoder().decode(BatchID.self, from: JSONEncoder().encode(id)) == id)
    }
    #expect(BatchID(stream: stream, sequence: 42).description == "a-000001-000042")
    #expect(BatchID(stream: stream, sequence: 2) < BatchID(stream: stream, sequence: 1_000_000))
    for text in ["opens", "opens-1", "opens-000000", "opens-0000001", "opens-00000x", "-000001", "opens-+00001"] {
      #expect(BatchID(text) == nil)
    }
  }

  @Test("A drop is a time and six digits")
  func drops() throws {
    let seen = try #require(Timestamp(text: "2026-03-04T10:15:00Z"))
    let id = DropID(seen: seen, salt: 0xff9f_2c41)
    #expect(id.description == "20260304T101500Z-9f2c41")
    #expect(DropID(seen: seen, salt: 1).description == "20260304T101500Z-000001")
    #expect(DropID(id.description) == id)
    for text in [
      "", "20260304T101500Z-9F2C41", "20260304T101500Z_9f2c41", "20261304T101500Z-9f2c41", "20260304T101500Z-9f2c4",
    ] {
      #expect(DropID(text) == nil)
    }
  }

  @Test("A source's identity is part of a digest")
  func sources() {
    let id = SourceID(Digest(Array(0..<32)))
    #expect(id.description == "s0001020304050607")
    #expect(SourceID(id.description) == id)
    #expect(SourceID("s00") == nil && SourceID("x0001020304050607") == nil)
  }

  @Test("A digest is 64 hex digits, in either case")
  func digests() throws {
    let digest = Digest(Array(0..<32))
    #expect(digest.description.hasPrefix("000102") && digest.description.utf8.count == 64)
    #expect(Digest(hex: digest.description.uppercased()) == digest)
    #expect(Digest(hex: String(digest.description.dropLast())) == nil)
    #expect(Digest(hex: String(repeating: "g", count: 64)) == nil)
    #expect(try JSONDecoder().decode(Digest.self, from: JSONEncoder().encode(digest)) == digest)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Digest.self, from: Data("\"ab\"".utf8)) }
  }

  @Test("Every place's moves lead to places that are there, and the last ones end")
  func places() {
    #expect(Set(DropPlace.moves.keys) == Set(DropPlace.allCases))
    #expect(Set(BatchPlace.moves.keys) == Set(BatchPlace.allCases))
    #expect(DropPlace.moves[.archive] == [.damaged] && BatchPlace.moves[.delivered] == [.damaged])
    #expect(DropPlace.moves.values.allSatisfy { !$0.contains(.gathering) })
    for place in DropPlace.allCases where place != .damaged {
      #expect(DropPlace.moves[place]?.contains(.damaged) == true, "from every place")
    }
  }
}
