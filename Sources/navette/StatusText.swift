import Agent
import Core

/// `status` in words: the same on a terminal, in a file, and again and again.
enum StatusText {
  struct Note: Hashable {
    let text: String
    let isFault: Bool
  }

  static func lines(_ report: StatusReport) -> [String] {
    let agent = report.agent
    var lines = [
      agent.running
        ? "agent: running, pid \(agent.pid.map(String.init) ?? "?"), since \(agent.since ?? "?")"
        : "agent: not running"
    ]
    if let end = agent.lastEnd, !agent.running || !end.isClean { lines.append("last end: \(end.words)") }
    lines.append("spool: \(size(report.spool.bytes)) of \(size(report.spool.maxBytes))")
    for store in report.stores { if let words = store.words { lines.append("store \(store.name): access \(words)") } }
    if report.feeds.isEmpty, report.streams.isEmpty { lines.append("nothing is configured") }
    if !report.feeds.isEmpty {
      lines.append("")
      lines += Terminal.tableLines(
        ["FEED", "WAITING", "HELD", "QUARANTINE", "HANDED OVER", "LAG"],
        report.feeds.map {
          [$0.name, "\($0.waiting)", "\($0.held)", "\($0.quarantine)", "\($0.handedOver)", span($0.lagSeconds)]
        })
    }
    for words in Set(report.feeds.compactMap(\.completeWhen)).sorted() {
      let names = report.feeds.filter { $0.completeWhen == words }.map(\.name)
      lines.append("\(names.joined(separator: ", ")): a file is whole when \(words)")
    }
    for feed in report.feeds {
      guard let pull = feed.pull else { continue }
      lines.append(
        "\(feed.name) fetches from store \(pull.store): "
          + (pull.listedAt.map { "listed \($0), \(pull.waiting) to be fetched" } ?? "not listed yet"))
    }
    if !report.streams.isEmpty {
      lines.append("")
      lines += Terminal.tableLines(
        ["STREAM", "LAG", "UNCONFIRMED", "WAITING", "HELD", "CONFIRMED"],
        report.streams.map {
          [$0.name, span($0.lagSeconds), size($0.lagBytes), "\($0.waiting)", "\($0.held)", "\($0.confirmed)"]
        })
    }
    for note in notes(report) { lines += ["", note.text] }
    return lines
  }

  /// Of what a stream does with rows and ages, and is no fault.
  private static func notes(of stream: StatusReport.Stream) -> [Note] {
    var notes = [stream.words].compactMap(\.self)
    if stream.rejectedRows > 0 {
      notes.append("\(counted(stream.rejectedRows, "row")) of its logs left out so far, in its folder aside")
    }
    return notes.map { Note(text: "\(stream.name): \($0)", isFault: false) }
  }

  /// What is to be said of single lanes.
  static func notes(_ report: StatusReport) -> [Note] {
    var notes: [Note] = []
    for stream in report.streams {
      guard let left = stream.catchUpSeconds else { continue }
      let speed = "\(size(stream.bytesPerSecond))/s over the last minutes"
      notes.append(
        Note(
          text: "\(stream.name): catching up, \(size(stream.lagBytes)) to go at \(speed), about \(span(left))",
          isFault: false))
    }
    // Down, it sends nothing, and that is said above.
    for store in report.stores where report.agent.running && store.secondsWithoutConfirmation >= Limits.longSilence {
      guard let since = store.nothingConfirmedSince else { continue }
      let due = "\(counted(store.due, "batch")) due, none confirmed since \(since)"
      let words = "store \(store.name): \(due) (\(span(store.secondsWithoutConfirmation)))"
      notes.append(Note(text: words, isFault: true))
    }
    let paused = report.feeds.map { ($0.name, $0.pausedSince) } + report.streams.map { ($0.name, $0.pausedSince) }
    for (name, since) in paused {
      guard let since else { continue }
      notes.append(
        Note(text: "\(name): paused on request since \(since); `navette resume \(name)` lets it go on", isFault: false))
    }
    if let since = report.clockDoubtedSince {
      let words = "the clock jumped ahead at \(since): nothing is deleted for its age before it has stayed so for a day"
      notes.append(Note(text: "\(words), or `navette resume --clock`", isFault: true))
    }
    for (name, blocked) in report.feeds.map({ ($0.name, $0.blocked) }) + report.streams.map({ ($0.name, $0.blocked) }) {
      notes += blocked.words(of: name).map { Note(text: $0, isFault: true) }
    }
    notes += report.streams.flatMap(notes(of:))
    for feed in report.feeds where feed.rejectedDrops > 0 {
      let words =
        "\(counted(feed.rejectedRows, "bad row")) of \(counted(feed.rejectedDrops, "drop")) in quarantine, left out"
      notes.append(Note(text: "\(feed.name): \(words)", isFault: false))
    }
    for feed in report.feeds where feed.damaged > 0 {
      let words = "\(counted(feed.damaged, "drop")) in damaged; see `navette drops --state damaged`"
      notes.append(Note(text: "\(feed.name): \(words)", isFault: true))
    }
    for stream in report.streams where stream.damaged > 0 {
      let words = "\(counted(stream.damaged, "batch")) in damaged; see `navette batches --state damaged`"
      notes.append(Note(text: "\(stream.name): \(words)", isFault: true))
    }
    for stream in report.streams where stream.gaps > 0 {
      let words = "\(counted(stream.gaps, "log")) not read to the end; see `navette verify`"
      notes.append(Note(text: "\(stream.name): \(words)", isFault: true))
    }
    for feed in report.feeds {
      if let words = feed.words { notes.append(Note(text: "\(feed.name): \(words)", isFault: feed.late)) }
    }
    let faults = report.feeds.map { ($0.name, $0.lastError) } + report.streams.map { ($0.name, $0.lastError) }
    for (name, fault) in faults { if let fault { notes.append(Note(text: "\(name): \(fault)", isFault: true)) } }
    return notes
  }
}
