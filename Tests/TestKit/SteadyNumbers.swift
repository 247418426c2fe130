private import Glibc

/// Numbers that decide what happens: always the same ones, so that a scenario takes the same steps each time.
public struct SteadyNumbers: RandomNumberGenerator, Sendable {
  private var value: UInt64

  public init(value: UInt64 = 1) { self.value = value }

  /// The first numbers of near seeds are near each other: these begin further on.
  public static func thrown(_ seed: UInt64) -> SteadyNumbers {
    var dice = SteadyNumbers(value: seed)
    for _ in 0..<8 { _ = dice.next() }
    return dice
  }

  public mutating func next() -> UInt64 {
    value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return value
  }
  public mutating func below(_ bound: Int) -> Int { Int((next() >> 33) % UInt64(bound)) }
  public mutating func oneIn(_ number: Int) -> Bool { below(number) == 0 }
}

/// Which schedules a test runs.
public enum Seeds {
  /// With `NAVETTE_SEEDS=9` or `41-600` those, with `NAVETTE_SWEEP=whole` 3,000, else the given ones.
  public static func chosen(_ usual: [UInt64]) -> [UInt64] {
    if let text = getenv("NAVETTE_SEEDS") {
      let ends = String(cString: text).split(separator: "-").compactMap { UInt64($0) }
      return Array((ends.first ?? 1)...(ends.last ?? 1))
    }
    return getenv("NAVETTE_SWEEP") == nil ? usual : Array(Set(usual).union(1...3_000)).sorted()
  }
}
