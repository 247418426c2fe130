import Core
import Testing

@testable import Inbound

@Suite("A look at more files than are known at a time")
struct LandingLookTests {
  private func look(_ names: [String], limit: Int) -> (seen: [String], isCut: Bool) {
    var look = LandingLook(limit: limit)
    for name in names { look.add(FileName(name)) }
    return (look.finish().map(\.description), look.isCut)
  }

  @Test("takes in everything where it is not too much")
  func few() {
    let (seen, isCut) = look(["b.csv", "a_2.csv", "a.csv"], limit: 3)
    #expect(Set(seen) == ["a.csv", "a_2.csv", "b.csv"] && !isCut)
    #expect(look([], limit: 3) == ([], false))
  }

  @Test("takes in what comes first, whatever the order of the disk", arguments: 1...20)
  func many(seed: UInt64) {
    var random = Sequence(seed)
    let names = (100..<400).map { "f\($0).csv" }.shuffled(using: &random)
    let (seen, isCut) = look(names, limit: 50)
    #expect(isCut && seen == (100..<150).map { "f\($0).csv" })
  }

  @Test("never cuts a set in two", arguments: 1...20)
  func sets(seed: UInt64) {
    var random = Sequence(seed)
    var names: [String] = []
    for set in 10..<60 { names += ["x\(set).csv"] + (2...7).map { "x\(set)_\($0).csv" } }
    let (seen, isCut) = look(names.shuffled(using: &random), limit: 45)
    #expect(isCut && seen.count == 42, "six whole sets of seven")
    #expect(Set(seen) == Set(names.prefix(42)))
  }

  @Test("takes in a set that is larger than the limit, by itself")
  func large() {
    let names = ["x.csv"] + (2...90).map { "x_\($0).csv" } + ["y.csv", "z.csv"]
    let (seen, isCut) = look(names.reversed(), limit: 20)
    #expect(isCut && Set(seen) == Set(names.prefix(90)))
  }

  /// A known order of chance.
  private struct Sequence: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }
}
