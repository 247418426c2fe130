import Testing

@testable import Formats

@Suite("Ids that were seen")
struct SeenIDsTests {
  /// What is promised, written as plainly as possible.
  private struct Plain {
    let most: Int
    var known: [String] = []
    var fresh: [String] = []

    mutating func add(_ id: String) -> Bool {
      guard !known.contains(id), !fresh.contains(id) else { return false }
      if fresh.count == most { fresh.removeFirst() }
      fresh.append(id)
      return true
    }

    mutating func keep() {
      known = Array((known + fresh).suffix(most))
      fresh = []
    }
  }

  @Test("Whatever is added, taken back, sealed and cut again, what is remembered is the last ids and no others")
  func random() {
    var random = SeededRandom(7)
    for most in [1, 2, 3, 7, 50, 300] {
      var ids = SeenIDs(most: most, seed: KeySeed(1, UInt64(most)))
      var plain = Plain(most: most)
      for step in 0..<6_000 {
        switch Int.random(in: 0..<100, using: &random) {
        case 0:
          ids.keep()
          plain.keep()
        case 1:
          ids.drop()
          plain.fresh = []
        case 2...5:
          // Only what was just added is taken back.
          let id = "new \(step)"
          let added = [ids.add(id), plain.add(id)]
          #expect(added == [true, true])
          ids.takeBackLast()
          plain.fresh.removeLast()
        default:
          let id = "\(Int.random(in: 0..<(3 * most), using: &random))"
          let (found, wanted) = (ids.add(id), plain.add(id))
          #expect(found == wanted, "\(most), \(step)")
        }
      }
    }
  }

  @Test("Ids that differ in one byte, in their length or in a NUL at the end are different")
  func alike() {
    var ids = SeenIDs(most: 1_000)
    for id in ["", "a", "a\0", "a\0\0", "aaaaaaaa", "aaaaaaab", "baaaaaaa", "aaaaaaaaa", "aaaaaaaaaaaaaaaa"] {
      let added = [ids.add(id), ids.add(id)]
      #expect(added == [true, false])
    }
  }
}

extension SeenIDs {
  fileprivate mutating func add(_ id: String) -> Bool { Array(id.utf8).withUnsafeBytes { add($0) } }
}
