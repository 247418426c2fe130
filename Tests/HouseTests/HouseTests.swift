import Core
import Foundation
import Testing

private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Files below a folder of the root, by their path from it.
private func files(_ folder: String, _ extensions: Set<String>) throws -> [(path: String, text: String)] {
  try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path).sorted()
    .filter { extensions.contains(($0 as NSString).pathExtension) }
    .map { ("\(folder)/\($0)", try String(contentsOf: root.appending(path: "\(folder)/\($0)"), encoding: .utf8)) }
}

private let code: [(path: String, text: SwiftText)] = {
  let all = (try? files("Sources", ["swift"]) + files("Tests", ["swift"])) ?? []
  return all.map { ($0.path, SwiftText($0.text)) }
}()

@Suite("The house is tidy")
struct HouseTests {
  @Test(arguments: Rules.swift.keys.sorted())
  func rule(_ name: String) throws {
    #expect(code.count > 50, "the sources were not found")
    let rule = try #require(Rules.swift[name])
    let found = code.flatMap { rule($0.path, $0.text) }
    #expect(found.isEmpty, "\(name):\n\(found.joined(separator: "\n"))")
  }

  @Test func thereAreNoTabs() throws {
    let kinds: Set = ["swift", "c", "h", "md", "yaml", "service", "sh", "txt", "py"]
    let found = try ["Sources", "Tests", "docs", "systemd"].flatMap { try files($0, kinds) }
      .flatMap { Rules.tabs($0.path, $0.text) }
    #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
  }

  @Test func decisionsAreNumberedAndWhole() throws {
    let records = try files("docs/decisions", ["md"]).map { (($0.path as NSString).lastPathComponent, $0.text) }
    #expect(records.count >= 12)
    #expect(Rules.decisions(records) == [])
  }

  @Test func everyReasonAndPlaceIsExplained() throws {
    let manual = try String(contentsOf: root.appending(path: "docs/state-folder.md"), encoding: .utf8)
    let rows = manual.split(separator: "\n").compactMap { $0.firstMatch(of: /^\| `([a-z_]+)` \|/)?.output.1 }
    let codes = Reason.Code.allCases.map(\.rawValue)
    let places = DropPlace.allCases.map(\.rawValue) + BatchPlace.allCases.map(\.rawValue)
    #expect(rows.map(String.init).sorted() == (codes + places).sorted())
  }

  @Test func retiredNamesStayRetired() throws {
    let page = try String(contentsOf: root.appending(path: "CONTRIBUTING.md"), encoding: .utf8)
    let section = try #require(
      page.components(separatedBy: "\n## Words\n").last?.components(separatedBy: "\n## ").first)
    let rows = section.split(separator: "\n").filter { $0.hasPrefix("| ") }
      .map { $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init) }
    for row in rows { #expect(row.count == 5 && row.allSatisfy { $0 != "  " }, "an empty column: \(row)") }
    let retired = Set(rows.flatMap { row in row[3].matches(of: /`(\w+)`/).map { String($0.output.1) } })
    #expect(retired.count >= 18)
    let found = code.flatMap { Rules.retired($0.path, $0.text, retired) }
    #expect(found.isEmpty, "see the words in CONTRIBUTING:\n\(found.joined(separator: "\n"))")
    let others = try ["Tests", "docs", "scripts"].flatMap { try files($0, ["py", "md", "txt", "sh", "yaml"]) }
      .flatMap { Rules.retired($0.path, SwiftText(""), retired) }
    #expect(others.isEmpty, "see the words in CONTRIBUTING:\n\(others.joined(separator: "\n"))")
  }

  @Test func theReadmeNamesBothCommands() throws {
    #expect(Rules.readme(try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)) == [])
  }

  @Test func everyLimitIsListed() throws {
    let known = LimitTable.code(try files("Sources", ["swift"]).filter { $0.path.hasSuffix("/Limits.swift") })
    #expect(known.count > 100)
    #expect(Set(known.map(\.name)).count == known.count, "two limits of one name")
    let page = LimitTable.page(try String(contentsOf: root.appending(path: "docs/state-folder.md"), encoding: .utf8))
    let missing = known.filter { !page.contains($0.description) }.map { "\($0.line): \($0) what for |" }
    #expect(missing.isEmpty, "rows that docs/state-folder.md lacks:\n\(missing.joined(separator: "\n"))")
    let gone = Set(page).subtracting(known.map(\.description)).sorted()
    #expect(gone.isEmpty, "rows of docs/state-folder.md for which there is no limit:\n\(gone.joined(separator: "\n"))")
  }

  @Test func whatIsForTestsIsListed() throws {
    let page = try String(contentsOf: root.appending(path: "CONTRIBUTING.md"), encoding: .utf8)
    let listed = Set(page.matches(of: /`(\w+ForTests)`/).map { String($0.output.1) })
    let hooks = code.filter { $0.path.hasPrefix("Sources/") }.reduce(into: Set()) { $0.formUnion(Rules.hooks($1.text)) }
    #expect(hooks.count >= 7 && listed == hooks, "CONTRIBUTING lists what of the program is for tests")
  }

  @Test func everyExceptionFromTheLimitsIsNeeded() {
    for (path, parts) in Rules.otherNumbers {
      let lines = code.first { $0.path == path }?.text.code ?? []
      for part in parts { #expect(lines.contains { $0.contains(part) }, "\(path) has no `\(part)` any more") }
    }
  }

  @Test func everyClockHomeIsThere() {
    let paths = Set(code.map(\.path))
    #expect(Rules.clockHomes.isSubset(of: paths), "a home that is gone must leave the list")
  }
}
