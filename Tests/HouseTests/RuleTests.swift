import Testing

@Suite("Each house rule can fail")
struct RuleTests {
  func check(_ rule: Rules.Rule, _ text: String, at path: String = "Sources/Core/A.swift") -> [String] {
    rule(path, SwiftText(text))
  }

  @Test func longFiles() {
    let line = "let a = 1\n"
    #expect(check(Rules.fileLength, String(repeating: line, count: 400)).isEmpty)
    #expect(
      check(Rules.fileLength, String(repeating: line, count: 401)) == [
        "Sources/Core/A.swift:1: 401 lines, more than 400"
      ])
  }

  @Test(arguments: ["func f()", "public func f<A>(_ a: A) throws -> Int where A: B", "init?(a: Int)", "deinit"])
  func longFunctions(_ head: String) {
    func text(_ count: Int) -> String {
      "struct S {\n  \(head) {\n" + String(repeating: "    if a { b() }\n", count: count) + "  }\n}\n"
    }
    #expect(check(Rules.functionLength, text(58)).isEmpty)
    #expect(check(Rules.functionLength, text(59)).count == 1)
  }

  @Test func longFunctionsWithAHeadOfManyLines() {
    let head = "func f(\n  a: Int,\n  b: () -> Void = { }\n)\n  throws -> Int\n{\n"
    #expect(check(Rules.functionLength, head + String(repeating: "  b()\n", count: 53) + "}\n").isEmpty)
    #expect(check(Rules.functionLength, head + String(repeating: "  b()\n", count: 54) + "}\n").count == 1)
  }

  @Test func functionsWithoutABodyDoNotSwallowTheNext() {
    let text =
      "protocol P {\n  func a()\n  func b() throws -> Int\n}\n" + String(repeating: "struct S { }\n", count: 70)
    #expect(check(Rules.functionLength, text).isEmpty)
  }

  @Test func forcing() {
    #expect(check(Rules.forced, "let a = try! b()") == ["Sources/Core/A.swift:1: try! or as!"])
    #expect(check(Rules.forced, "\nlet a = b as! C").count == 1)
    #expect(check(Rules.forced, "let a = try b() // never try!\nlet c = \"as! \\(d(\"try!\"))\"").isEmpty)
  }

  @Test func plurals() {
    #expect(check(Rules.plurals, #"say("\(a.count) rows, \(f(b)) bytes")"#).count == 2)
    #expect(check(Rules.plurals, #"say("\(counted(a, "row")), \(a) of \(b) rows, \(Limits.most) bytes")"#).isEmpty)
    #expect(check(Rules.plurals, #"say("\(a) rowdies"); let rows = 1"#).isEmpty)
  }

  @Test func numbersFromOutside() {
    for text in [
      "a.size - b", "c - a.b.size", "Int(a.size)", "rules.maxBytes - bytes", "maxBytes - 1", "a + rules.maxBytes",
    ] {
      #expect(check(Rules.outsideNumbers, "let x = \(text)").count == 1, "\(text)")
      #expect(check(Rules.outsideNumbers, "let x = \(text)", at: "Tests/A.swift").isEmpty)
    }
    #expect(check(Rules.outsideNumbers, "let x = a.size -| b +| rules.maxBytes -| Int(clamping: a.size)").isEmpty)
  }

  @Test func hashes() {
    #expect(check(Rules.hashing, "if seen.insert(a.hashValue).inserted {}").count == 1)
    #expect(check(Rules.hashing, "var hasher = Hasher()\nhasher.combine(a)\nreturn hasher.finalize()").count == 2)
    #expect(check(Rules.hashing, "func hash(into hasher: inout Hasher) { hasher.combine(a) }").isEmpty)
    #expect(check(Rules.hashing, "Digest(hash.finalize())").isEmpty)
  }

  @Test(arguments: [
    "static let most = 20", "let slice: UInt64 = 1 << 20", "private let rest = Duration.seconds(3 * 86_400)",
    "public static var tooMany: Int { 32 }", "sleep(for: .milliseconds(50))", "read(path, limit: 256)",
    "var above: UInt64 = 64 << 20", "let b = 64 * 1024 + c", "let attempts = 2",
  ])
  func limits(_ text: String) {
    #expect(
      check(Rules.limits, text, at: "Sources/Lanes/A.swift") == ["Sources/Lanes/A.swift:1: a limit past Limits.swift"])
    #expect(check(Rules.limits, text, at: "Sources/Lanes/Limits.swift").isEmpty)
    #expect(check(Rules.limits, text, at: "Tests/A.swift").isEmpty)
  }

  @Test func noLimits() {
    let text = """
      let schema = 1; var count = 0
      let mask: UInt32 = 0xff00
      static let most = Limits.most
      max(rest, .milliseconds(1)) // 64 << 10
      pointer = .allocate(capacity: 1)
      .seconds(count)
      """
    #expect(check(Rules.limits, text, at: "Sources/Lanes/A.swift") == [])
  }

  @Test func limitsAreRead() {
    let text = """
      extension Limits {
        /// Why.
        static let a = 4 * 1_024
        public static let b: Duration = .seconds(2 * 86_400)
        static let c: UInt64 = 64 << 20
        static let d: Duration = .milliseconds(50)
        static let e = b
      }
      """
    let found = LimitTable.code([("Sources/Lanes/Limits.swift", text)])
    #expect(
      found.map(\.description) == [
        "| Lanes | `a` | 4 KiB |", "| Lanes | `b` | 2 d |", "| Lanes | `c` | 64 MiB |", "| Lanes | `d` | 50 ms |",
        "| Lanes | `e` | `b` |",
      ])
    #expect(found[2].line == "Sources/Lanes/Limits.swift:5")
    #expect(
      LimitTable.page("| Lanes | `a` | 4,096 | why |\n| Lanes | `b` | 2 d |  |\n| `other` | no | limit |\n") == [
        "| Lanes | `a` | 4,096 |"
      ])
  }

  @Test func testHooks() {
    let breach = ["Sources/Core/A.swift:1: its name does not say that it is for tests"]
    #expect(check(Rules.testHooks, "/// For tests: how many.\nvar count: Int") == breach)
    #expect(check(Rules.testHooks, "/// Begun so far, for tests.\nvar threads: Int") == breach)
    #expect(check(Rules.testHooks, "/// For tests: how many.\nvar countForTests: Int").isEmpty)
    #expect(check(Rules.testHooks, "/// SimFiles in tests.\nvar count: Int").isEmpty)
    #expect(Rules.hooks(SwiftText("a.bForTests(cForTests: d) // eForTests")) == ["bForTests", "cForTests"])
  }

  @Test func retiredNames() {
    func found(_ text: String, at path: String = "Sources/Core/A.swift") -> Int {
      Rules.retired(path, SwiftText(text), ["Host", "ground", "heedSignals"]).count
    }
    for text in [
      "struct Host {}", "let a: Host", "func heedSignals()", "let ground = 1", "enum Ground {}", "a.theGroundTruth",
    ] {
      #expect(found(text) == 1, "\(text)")
    }
    #expect(found("hosts; LocalHost; background; groundwork; // ground\nlet a = \"Host\"") == 0)
    #expect(
      found("", at: "Tests/InboundTests/GroundTests.swift") == 1 && found("", at: "Sources/Agent/Host.swift") == 1)
  }

  @Test func printing() {
    #expect(check(Rules.printing, "  print(1)").count == 1)
    #expect(check(Rules.printing, "debugPrint(1)").count == 1)
    #expect(check(Rules.printing, "print(1)", at: "Sources/navette/Status.swift").isEmpty)
    #expect(check(Rules.printing, "fingerprint(1)\na.print(1)\n// print(1)").isEmpty)
  }

  @Test func ending() {
    for text in ["exit(0)", "  _exit(code)", "Glibc.exit(1)", "Navette.exit(withError: error)"] {
      #expect(check(Rules.ending, text).count == 1, "\(text)")
    }
    #expect(check(Rules.ending, "_exit(code)", at: "Sources/navette/Main.swift").isEmpty)
    #expect(check(Rules.ending, "lane.exit()\nthrow ExitCode(3)\nonexit()\n// exit(0)").isEmpty)
  }

  @Test func threads() {
    #expect(check(Rules.threading, "pthread_create(&thread, nil, run, nil)").count == 1)
    #expect(check(Rules.threading, "Glibc.pthread_cond_wait(condition, mutex)").count == 1)
    #expect(check(Rules.threading, "pthread_cond_wait(a, b)", at: "Sources/Threads/Monitor.swift").isEmpty)
  }

  @Test(arguments: [
    "state.withLock { state in\n  while state.isEmpty { pthread_cond_wait(c, m) }\n}",
    "a.withLock { $0 = poll(&fds, 1, -1) }",
    "let a = monitor.withLock { state in\n  if state.b {\n    usleep(1)\n  }\n  return 1\n}",
    "x.withLock { await $0.f() }",
  ])
  func waits(_ text: String) { #expect(check(Rules.waiting, text).count == 1, "\(text)") }

  @Test func waitsOutsideOfALock() {
    #expect(check(Rules.waiting, "a.withLock { $0 = 1 }; poll(&fds, 1, -1)").isEmpty)
    #expect(check(Rules.waiting, "a.withLock { state in\n  state.b()\n}\nusleep(1)").isEmpty)
    #expect(check(Rules.waiting, "monitor.wait { state in .sleep }").isEmpty)
  }

  @Test func foundation() {
    #expect(check(Rules.foundation, "import Foundation").count == 1)
    #expect(check(Rules.foundation, "private import Foundation").count == 1)
    #expect(check(Rules.foundation, "import FoundationEssentials").isEmpty)
    #expect(check(Rules.foundation, "import Foundation", at: "Tests/CoreTests/A.swift").isEmpty)
  }

  @Test(arguments: [
    "Date()", "Glibc.clock_gettime(CLOCK_REALTIME, &t)", "ContinuousClock.now", "SuspendingClock()", "time(nil)",
  ])
  func clocks(_ use: String) throws {
    #expect(check(Rules.clock, "let now = \(use)").count == 1)
    let home = try #require(Rules.clockHomes.first)
    #expect(check(Rules.clock, "let now = \(use)", at: home).isEmpty)
  }

  @Test func syncing() {
    #expect(check(Rules.syncing, "fsync(file)").count == 1)
    #expect(check(Rules.syncing, "Glibc.fdatasync(file)").count == 1)
    #expect(check(Rules.syncing, "fsync(file)", at: "Sources/Files/LinuxFiles.swift").isEmpty)
  }

  @Test func uncheckedPromises() {
    #expect(check(Rules.unchecked, "final class A: @unchecked Sendable {").count == 1)
    #expect(check(Rules.unchecked, "let a = 1\nnonisolated(unsafe) var b = 2").count == 1)
    #expect(check(Rules.unchecked, "// Only `c` writes it.\nnonisolated(unsafe) var b = 2").isEmpty)
  }

  @Test func tabs() { #expect(Rules.tabs("a", "b\n\tc") == ["a:2: a tab"]) }

  @Test func decisions() {
    let whole = "**Context.** **Decision.** **Why.** **Consequences.**"
    #expect(Rules.decisions([("0001-a.md", whole), ("0002-b.md", whole)]) == [])
    #expect(Rules.decisions([("0001-a.md", whole), ("0003-b.md", whole)]) == ["0003-b.md: expected number 0002"])
    #expect(Rules.decisions([("0001-a.md", "**Context.** **Decision.** **Why.**")]) == ["0001-a.md: no Consequences"])
  }

  @Test func readme() { #expect(Rules.readme("make demo") == ["README.md: make test is not mentioned"]) }

  @Test func stringsAndCommentsAreNotCode() {
    let text = SwiftText(
      "a \"b\\\" { \\(c(\"}\"))\" d /* e /* f */ g */ h #\"i \\(j) \"k\"# l\n\"\"\"\n m \" {\n\"\"\" n // o")
    let code = text.code.map { $0.split(separator: " ").joined(separator: " ") }
    #expect(code == ["a d h l", "", "", "n"])
  }
}
