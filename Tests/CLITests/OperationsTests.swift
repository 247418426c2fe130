import Foundation
import Testing

@Suite("The page on operations tells what is printed")
struct OperationsTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private let page: String
  private var commands: [String] = []
  private var output: [String] = []

  init() throws {
    page = try String(contentsOf: Self.root.appending(path: "docs/operations.md"), encoding: .utf8)
    for name in try Player.names() {
      let text = try String(contentsOf: Player.folder.appending(path: name), encoding: .utf8)
      for step in try Transcript(name: name, text: text).steps {
        output += step.stdout + step.stderr
        commands += step.command.replacing("\"$NAVETTE\"", with: "navette").replacing(
          " --config navette.yaml", with: ""
        )
        .split(separator: #/[;|\n]/#).map {
          $0.replacing(#/ 2>\S+/#, with: "").trimmingCharacters(in: .whitespaces)
        }
      }
    }
  }

  /// Lines of its blocks; the page's folders are below `/srv`.
  private var lines: [String] {
    page.components(separatedBy: "```console\n").dropFirst().flatMap { block in
      block.components(separatedBy: "```")[0].split(separator: "\n").map(String.init)
    }
  }

  private func isPrinted(_ line: String, by lines: [String]) -> Bool {
    lines.contains { expected in
      guard !expected.isEmpty, expected != "…" else { return false }
      var pattern = Pattern(places: ["$DIR": "/srv", "$NAVETTE": "navette"])
      return pattern.matches([expected], [line])
    }
  }

  @Test func everyLineIsOneThatATranscriptPlays() {
    #expect(lines.count > 50)
    for line in lines {
      let isKnown =
        line.hasPrefix("$ ") ? isPrinted(String(line.dropFirst(2)), by: commands) : isPrinted(line, by: output)
      #expect(isKnown, "no transcript prints: \(line)")
    }
  }

  @Test func everythingThatNeedsAPersonIsThere() throws {
    let events = try String(contentsOf: Self.root.appending(path: "docs/events.md"), encoding: .utf8)
    let errors = events.components(separatedBy: "\n## ").first { $0.hasPrefix("Errors") } ?? ""
    let names = errors.matches(of: #/(?m)^### `([a-z_]+)`/#).map { String($0.output.1) }
    #expect(names.count >= 9)
    for name in names { #expect(page.contains(name), "\(name)") }
    #expect(page.matches(of: #/(?m)^## \d+\. /#).count >= 12)
  }
}
