import Foundation
import Journal
import Testing

/// One entry as each of the three places tells it.
private struct Entry: Hashable {
  var name = ""
  var messageID = ""
  var meaning = ""
  var remedy = ""
}

private let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

private func text(_ path: String) throws -> String {
  try String(contentsOf: root.appending(path: path), encoding: .utf8)
}

/// Splits "meaning paragraphs, What to do: …" and undoes the line breaks.
private func prose(_ lines: [String]) -> (meaning: String, remedy: String) {
  let whole = lines.filter { !$0.isEmpty }.joined(separator: " ")
  let parts = whole.components(separatedBy: " What to do: ")
  return (parts[0], parts.count == 2 ? parts[1] : "")
}

private func catalogue(_ text: String) -> [Entry] {
  text.components(separatedBy: "\n-- ").dropFirst().map { block in
    var lines = block.components(separatedBy: "\n")
    var entry = Entry(messageID: lines.removeFirst())
    entry.name = lines.first { $0.hasPrefix("# ") }.map { String($0.dropFirst(2)) } ?? ""
    let body = lines.drop { !$0.isEmpty }
    (entry.meaning, entry.remedy) = prose(Array(body))
    return entry
  }
}

private func manual(_ text: String) -> [(entry: Entry, level: String, fields: [String])] {
  text.components(separatedBy: "\n### `").dropFirst().map { block in
    let lines = block.components(separatedBy: "\n## ")[0].components(separatedBy: "\n")
    let facts = lines[2].components(separatedBy: " · ").map { $0.replacing("`", with: "") }
    let (meaning, remedy) = prose(Array(lines[3...]))
    let entry = Entry(name: lines[0].replacing("`", with: ""), messageID: facts[1], meaning: meaning, remedy: remedy)
    return (entry, facts[0], facts.count > 2 ? facts[2].components(separatedBy: " ") : [])
  }
}

@Suite("The vocabulary is one closed list")
struct VocabularyTests {
  fileprivate let entries: [Entry]
  fileprivate let chapters: [(entry: Entry, level: String, fields: [String])]

  init() throws {
    entries = catalogue(try text("systemd/navette.catalog"))
    chapters = manual(try text("docs/events.md"))
  }

  @Test func enumAndCatalogueHoldTheSameEvents() {
    #expect(entries.count == EventKind.allCases.count)
    #expect(
      Set(entries.map { [$0.name, $0.messageID] }) == Set(EventKind.allCases.map { [$0.rawValue, $0.messageID] }))
  }

  @Test func catalogueAndManualSayTheSame() {
    #expect(chapters.count == entries.count)
    #expect(Set(chapters.map(\.entry)) == Set(entries))
    #expect(entries.allSatisfy { !$0.meaning.isEmpty && $0.remedy.hasSuffix(".") })
  }

  @Test func manualTellsTheLevelAndRealFields() {
    let fields = Set(Event.Field.allCases.map(\.rawValue))
    for chapter in chapters {
      #expect(EventKind(rawValue: chapter.entry.name)?.priority.description == chapter.level)
      #expect(fields.isSuperset(of: chapter.fields), "\(chapter.entry.name)")
    }
  }

  /// `journalctl -p warning` is what people look at.
  @Test func whateverWaitsOrFailsIsAWarningAtLeast() {
    for kind in EventKind.allCases {
      let needsALook = ["waiting", "failed", "held", "damaged", "refused", "paused", "retry", "stalled", "full", "low"]
      guard needsALook.contains(where: { kind.rawValue.hasSuffix("_\($0)") }) else { continue }
      #expect(kind.priority.rawValue <= Priority.warning.rawValue, "\(kind.rawValue)")
    }
  }

  @Test func messageIDsAre128BitsAndUnique() {
    let identifiers = EventKind.allCases.map(\.messageID)
    #expect(Set(identifiers).count == identifiers.count)
    #expect(identifiers.allSatisfy { $0.wholeMatch(of: /[0-9a-f]{32}/) != nil })
  }

  @Test func theParsersSeeADifference() {
    let one = "\n-- 11\n# agent_started\nSubject: x\n\nIt began.\n\nWhat to do: Nothing.\n"
    let other = one.replacing("It began.", with: "It ended.")
    #expect(catalogue(one) == [Entry(name: "agent_started", messageID: "11", meaning: "It began.", remedy: "Nothing.")])
    #expect(catalogue(one) != catalogue(other))
    let page = "\n### `agent_started`\n\nnotice · `11` · `FEED`\n\nIt\nbegan.\n\nWhat to do: Nothing.\n"
    #expect(manual(page).map(\.entry) == catalogue(one))
  }

  @Test func whatStandsForOneDropOrBatchIsNeverFolded() {
    for kind in EventKind.allCases where kind.rawValue.hasPrefix("batch_") { #expect(!kind.folds) }
    for kind in [EventKind.dropQuarantined, .dropHeld, .dropHandedOver, .sourceGap] { #expect(!kind.folds) }
    #expect(EventKind.uploadRetry.folds)
  }
}
