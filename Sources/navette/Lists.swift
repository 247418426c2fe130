import Agent
import ArgumentParser
import Config
import Core

struct Drops: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List drops.")

  @OptionGroup var common: CommonOptions

  @Option(help: "Only drops in this place: \(DropPlace.allCases.map(\.rawValue).joined(separator: ", ")).")
  var state: DropPlace?

  @Option(help: "Only drops seen since then: 2026-03-12, 2026-03-12T06:00:00Z, 2h, 7d.")
  var since: String?

  @Option(help: "Only so many of the newest; 0: all. Without it and without --state and --since: 1000.")
  var limit: Int?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    _ = try navette.since(since, now: SystemClock.wall())
    if let limit, limit < 0 { throw ValidationError("--limit is a number from 0") }
  }

  func run() async throws {
    let from = try navette.since(since, now: SystemClock.wall())
    try await carryOut {
      let most = Listed.most(limit, isChosen: state != nil || from != nil)
      let (drops, hasMore) = try Inventory(try readSettings(common, secrets: .unneeded))
        .drops(in: state, since: from, limit: most)
      if hasMore { Listed.tell(most, "drops") }
      if json {
        try Terminal.json(Listing(schema: 1, more: hasMore, drops: drops))
      } else if state == .held || state == .quarantine || state == .damaged {
        Terminal.table(
          ["DROP", "FEED", "REASON", "ROW", "COLUMN", "FILES"],
          drops.map {
            [
              $0.id, $0.feed, Self.code($0), $0.reason?.row.map(String.init) ?? "-",
              $0.reason?.column.map(String.init) ?? "-", $0.names.joined(separator: " "),
            ]
          })
      } else {
        Terminal.table(
          ["DROP", "FEED", "STATE", "ROWS", "BYTES", "FILES"],
          drops.map {
            [
              $0.id, $0.feed, $0.state ?? "-", $0.rows.map(String.init) ?? "-", size($0.bytes),
              $0.names.joined(separator: " "),
            ]
          })
      }
      return .done
    }
  }

  /// `column_count +2`: the first reason, and how many more there are.
  private static func code(_ drop: Inventory.Drop) -> String {
    guard let reason = drop.reason else { return "-" }
    return reason.code.rawValue + (drop.reasons > 1 ? " +\(drop.reasons - 1)" : "")
  }

  private struct Listing: Encodable {
    let schema: Int
    let more: Bool
    let drops: [Inventory.Drop]
  }
}

struct Batches: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List batches.")

  @OptionGroup var common: CommonOptions

  @Option(help: "Only batches in this place: \(BatchPlace.allCases.map(\.rawValue).joined(separator: ", ")).")
  var state: BatchPlace?

  @Option(help: "Only batches sealed since then: 2026-03-12, 2026-03-12T06:00:00Z, 2h, 7d.")
  var since: String?

  @Option(help: "Only so many of the newest; 0: all. Without it and without --state and --since: 1000.")
  var limit: Int?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    _ = try navette.since(since, now: SystemClock.wall())
    if let limit, limit < 0 { throw ValidationError("--limit is a number from 0") }
  }

  func run() async throws {
    let from = try navette.since(since, now: SystemClock.wall())
    try await carryOut {
      let most = Listed.most(limit, isChosen: state != nil || from != nil)
      let (batches, hasMore) = try Inventory(try readSettings(common, secrets: .unneeded))
        .batches(in: state, since: from, limit: most)
      if hasMore { Listed.tell(most, "batches") }
      if json {
        try Terminal.json(Listing(schema: 1, more: hasMore, batches: batches))
      } else {
        Terminal.table(
          ["BATCH", "STATE", "ROWS", "SIZE", "SEALED", "KEY"],
          batches.map { [$0.id, $0.state ?? "-", "\($0.rows)", size($0.compressedBytes), $0.sealedAt, $0.key] })
      }
      return .done
    }
  }

  private struct Listing: Encodable {
    let schema: Int
    let more: Bool
    let batches: [Inventory.Batch]
  }
}

/// How much a list shows.
private enum Listed {
  /// - Parameter isChosen: it was said which.
  static func most(_ limit: Int?, isChosen: Bool) -> Int {
    guard let limit else { return isChosen ? .max : Limits.listed }
    return limit == 0 ? .max : limit
  }

  static func tell(_ most: Int, _ what: String) {
    Terminal.complain("These are the newest \(most); for all \(what): --limit 0, or see --since and --state")
  }
}

extension DropPlace: ExpressibleByArgument {}
extension BatchPlace: ExpressibleByArgument {}

struct Show: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "The whole history of a drop or a batch.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "A drop (20260304T101500Z-9f2c41) or a batch (opens-000042).")
  var id: String

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    try await carryOut {
      let story = try Inventory(try readSettings(common, secrets: .unneeded)).story(of: id)
      if json {
        try Terminal.json(story)
      } else {
        let reasons = story.reasons.map { reason in
          let place = [
            reason.row.map { "row \($0)" }, reason.line.map { "line \($0)" }, reason.column.map { "column \($0)" },
          ].compactMap(\.self)
          let location = place.isEmpty ? "" : " (\(place.joined(separator: ", ")))"
          return ["reason", "\(reason.code.rawValue): \(reason.message)\(location)"]
        }
        Terminal.columns(story.facts.map { [$0.0, $0.1] } + reasons)
        Terminal.line("")
        Terminal.columns(story.history.map { [$0.at.iso(), $0.event, $0.detail] })
      }
      return .done
    }
  }
}
