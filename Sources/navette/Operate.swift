import Agent
import ArgumentParser
import Control
import Core
import Glibc

/// Who asks: the account that the command was begun with.
private func asker(_ reason: String) -> Requester {
  let name = getpwuid(getuid()).flatMap { $0.pointee.pw_name }.map { String(cString: $0) }
  return Requester(name ?? "uid \(getuid())", reason: reason)
}

/// A reason is kept for years; a blank one tells nobody anything.
private func checkReason(_ reason: String) throws {
  if reason.allSatisfy(\.isWhitespace) { throw ValidationError("--reason: say why; it is kept with the history") }
}

private func ask(_ request: Request, _ common: CommonOptions) async throws {
  try await carryOut {
    // Where no agent runs, the command itself asks the stores.
    let settings = try readSettings(common, secrets: request.needsStores ? .ofTheService : .unneeded)
    let outcome = try await CommandRun(settings).ask(request)
    if !outcome.text.isEmpty { Terminal.line(outcome.text) }
    return outcome.code
  }
}

struct Retry: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Try again now: held batches, batches that wait for their store, held or quarantined drops.",
    discussion:
      "A drop is checked again by the rules as they are now. Exit status 1 if one of them could not be retried.")

  @OptionGroup var common: CommonOptions

  @Argument(help: ArgumentHelp("Drops and batches.", valueName: "id"))
  var ids: [String] = []

  @Flag(help: "All batches that wait or are held, and all held drops; what is in quarantine stays there.")
  var all = false

  func validate() throws {
    if all != ids.isEmpty { throw ValidationError("Give either drops and batches, or --all") }
  }

  func run() async throws { try await ask(.retry(ids: all ? nil : ids), common) }
}

struct Release: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a held, quarantined or damaged drop, or a damaged batch, go on.",
    discussion: """
      Of a held or quarantined drop, all that was found before passes; what is found anew does not. Where something was found that nobody \
      can let pass (what cannot be read, decrypted, written or named), nothing is released. A damaged drop gets a new plan, made of \
      what lies there, and is checked; a damaged batch gets one from the ledger, and is sent as it was sealed. The ledger keeps who \
      released it, and why.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "The drop (20260304T101500Z-9f2c41) or batch (opens-000042).")
  var id: String

  @Option(help: "Why: kept in the ledger.")
  var reason: String

  @Flag(
    help: "Compare later drops with this one (require.row_change, require.remember_columns), which is no exception.")
  var baseline = false

  func validate() throws {
    if baseline, DropID(id) == nil { throw ValidationError("--baseline is for drops") }
    if DropID(id) == nil, BatchID(id) == nil {
      throw ValidationError("“\(id)” is no drop, such as 20260304T101500Z-9f2c41, and no batch, such as opens-000042")
    }
    try checkReason(reason)
  }

  func run() async throws {
    if let drop = DropID(id) {
      try await ask(.release(drop: drop, by: asker(reason), baseline: baseline ? true : nil), common)
    } else if let batch = BatchID(id) {
      try await ask(.releaseBatch(batch, by: asker(reason)), common)
    }
  }
}

struct Pause: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stop feeds and streams until `resume`, across restarts.",
    discussion: "Nothing is lost: files stay in landing, records in their logs, batches in the spool.")

  @OptionGroup var common: CommonOptions

  @Argument(help: ArgumentHelp("Feeds and streams.", valueName: "lane"))
  var lanes: [String]

  @Option(help: "Why: told in the journal.")
  var reason = "asked"

  func run() async throws { try await ask(.pause(lanes: lanes, by: asker(reason)), common) }
}

struct Resume: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Let paused feeds and streams go on.")

  @OptionGroup var common: CommonOptions

  @Argument(help: ArgumentHelp("Feeds and streams.", valueName: "lane"))
  var lanes: [String] = []

  @Flag(help: "The machine's clock is right, though it has jumped: what has been kept for long enough may be deleted.")
  var clock = false

  @Option(help: "Why: told in the journal.")
  var reason = "asked"

  func validate() throws {
    if clock != lanes.isEmpty { throw ValidationError("Give either feeds and streams, or --clock") }
  }

  func run() async throws {
    try await ask(clock ? .believeClock(by: asker(reason)) : .resume(lanes: lanes, by: asker(reason)), common)
  }
}

struct Purge: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Delete what is kept, for a privacy request.",
    discussion: """
      Archived, quarantined and held drops lose their files; batches lose their object, sent or not, and their records are never \
      sent again. The ledger keeps the fact, not the data. What a store has confirmed lies there, and is deleted there with --remote \
      alone, by its version where the store keeps versions; asked for again, it goes on with what is left.
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: "A drop; may be given more than once.")
  var drop: [String] = []

  @Option(help: "A batch; may be given more than once.")
  var batch: [String] = []

  @Flag(help: "With --batch: delete its object, and its manifest, in the stores that have it, too.")
  var remote = false

  @Option(help: "A feed: all its drops seen before --before.")
  var feed: String?

  @Option(help: "With --feed: 2026-03-12, 2026-03-12T06:00:00Z, 2h, 7d.")
  var before: String?

  @Option(help: "Why: kept in the ledger.")
  var reason: String

  func validate() throws {
    _ = try request()
    try checkReason(reason)
  }

  func run() async throws { try await ask(try request(), common) }

  private func request() throws -> Request {
    let who = asker(reason)
    if let feed {
      if remote { throw ValidationError("--remote needs --batch") }
      guard drop.isEmpty, batch.isEmpty else { throw ValidationError("Give --feed, or --drop and --batch") }
      guard let name = FeedName(feed) else { throw ValidationError("“\(feed)” is no name of a feed") }
      guard let time = try moment(before, of: "--before", now: SystemClock.wall()) else {
        throw ValidationError("--feed needs --before")
      }
      return .purgeFeed(name, before: time, by: who)
    }
    guard before == nil else { throw ValidationError("--before needs --feed") }
    guard !drop.isEmpty || !batch.isEmpty else { throw ValidationError("Give --drop, --batch or --feed") }
    let drops = try drop.map { text in
      guard let id = DropID(text) else {
        throw ValidationError("“\(text)” is no drop, such as 20260304T101500Z-9f2c41")
      }
      return id
    }
    let batches = try batch.map { text in
      guard let id = BatchID(text) else { throw ValidationError("“\(text)” is no batch, such as opens-000042") }
      return id
    }
    if remote, batches.isEmpty { throw ValidationError("--remote needs --batch") }
    return .purge(drops: drops, batches: batches, by: who, remote: remote ? true : nil)
  }
}
