import Core
import Testing

@testable import Config

@Suite("Damaged configurations")
struct FuzzTests {
  /// SplitMix64, a published generator: the same documents at every run.
  struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }

  private static let seed = Array(
    (Lane.s3Head + "  shelf:\n    url: file:///srv/shelf\n" + Lane.feedHead
      + "    format: {delimiter: \"\\t\", quote: none}\n    require: {columns: [a, b], max_bytes: 1GiB, row_change: 50%}\n"
      + "    expect: {by: \"06:00\", days: [mon]}\n    rewrite: {replacement: \"?\"}\n"
      + "streams:\n  out:\n    logs: [\"/var/log/app/[a-c]*.csv\"]\n    store: [aep, shelf]\n    key: \"{stream}/{seq}\"\n"
      + "limits: {bandwidth: [{from: \"08:00\", to: \"18:00\", rate: 2MiB}]}\nmetrics: {listen: \"[::1]:90\"}\n").utf8)

  private static let bits = [
    "${", "}", "{", "[", "]", "- ", ": ", "&a ", "*a", "!!x ", "\"", "'", "|\n", ">\n", "\t", "\n", "---\n", "\0",
    "\u{85}",
    "99999999999999999999", "-1", "null", "~", "<<", "#", "%", "é", "🚂", "://", "@", "[!", "\\",
  ].map { Array($0.utf8) }

  private static func mutated(_ random: inout Random) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let at = Int.random(in: 0...bytes.count, using: &random)
      let end = min(bytes.count, at + Int.random(in: 0...12, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.removeSubrange(at..<end)
      case 1: bytes.insert(contentsOf: bits.randomElement(using: &random) ?? [], at: at)
      case 2: bytes.replaceSubrange(at..<end, with: bits.randomElement(using: &random) ?? [])
      case 3: if at < bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &random) }
      default: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
      }
    }
    return bytes
  }

  private static func read(_ bytes: [UInt8]) -> [ConfigProblem] {
    let source = ConfigSource(
      read: { (path, _) throws(FileFault) in
        guard path.string == Bench.file else { throw FileFault(.missing, "Cannot read", at: path.string, why: "none") }
        return bytes
      }, list: { (_) throws(FileFault) in [] })
    do throws(ConfigProblems) {
      _ = try ConfigReader.read(file: "/etc/navette/navette.yaml", environment: Lane.keys, machine: "h", source: source)
      return []
    } catch {
      return error.all
    }
  }

  @Test("are read or refused, never crash, and never show a secret", arguments: 1...8)
  func mutations(seed: UInt64) {
    var random = Random(state: seed)
    var refused = 0
    for _ in 0..<300 {
      let problems = Self.read(Self.mutated(&random))
      refused += problems.isEmpty ? 0 : 1
      let text = problems.map(\.description).joined()
      #expect(!text.contains("invented-secret-value") && !text.contains("AKIDINVENTED"))
      #expect(problems.allSatisfy { $0.file != nil && !$0.message.isEmpty })
    }
    #expect(refused > 60)
  }

  @Test("random bytes are no better", arguments: 1...4)
  func noise(seed: UInt64) {
    var random = Random(state: seed &* 977)
    for _ in 0..<300 {
      let count = Int.random(in: 1...200, using: &random)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      _ = Self.read(bytes)
      let printable = bytes.map { 32 + $0 % 95 }
      _ = Self.read(printable)
    }
  }
}
