import Agent
import Core

/// Feeds and streams on one screen. Pure: what is known goes in, lines of at most `columns` characters come out, at most `rows` of them.
struct Dashboard {
  let report: StatusReport
  let activity: ActivityReport
  let now: Timestamp
  /// What went wrong when it was looked at last; what is shown is from before.
  var trouble: String?

  enum Tone: Hashable { case plain, strong, good, doubtful, bad, faint }

  struct Line: Hashable {
    let text: String
    var tone = Tone.plain
  }

  func lines(columns: Int, rows: Int) -> [Line] {
    let columns = max(columns, 20)
    var lines = head(columns)
    // What is said of single lanes may not push the events out, nor the lanes what is said of them.
    let feeds = report.feeds.map { feedCells($0) }
    let streams = report.streams.map { streamCells($0) }
    let notes = self.notes()
    let room = max(2, rows - lines.count - min(notes.count, 4) - 4)
    let most = max(1, (room - 4) / max(1, (feeds.isEmpty ? 0 : 1) + (streams.isEmpty ? 0 : 1)))
    lines += table(Self.feedHeader, feeds, most, columns, "feed")
    lines += table(Self.streamHeader, streams, most, columns, "stream")
    if !notes.isEmpty { lines += [Line(text: "")] + notes }
    let left = rows - lines.count - 2
    if left > 0, !activity.events.isEmpty {
      lines += [Line(text: ""), Line(text: "LAST EVENTS", tone: .strong)]
      lines += activity.events.prefix(left).map { Line(text: Self.words($0), tone: Self.tone($0.line.event)) }
    }
    return lines.prefix(rows).map { Line(text: Self.cut($0.text, to: columns), tone: $0.tone) }
  }

  // MARK: - Parts

  private func head(_ columns: Int) -> [Line] {
    let title = "navette \(Version.text)"
    let time = "\(now.iso())  q ends"
    let gap = String(repeating: " ", count: max(2, columns - title.count - time.count))
    let agent = report.agent
    let running = "agent: running, pid \(agent.pid.map(String.init) ?? "?"), since \(agent.since ?? "?")"
    var lines = [
      Line(text: title + gap + time, tone: .strong),
      agent.running ? Line(text: running, tone: .good) : Line(text: "agent: not running", tone: .bad), spool(),
    ]
    if let trouble { lines.append(Line(text: trouble, tone: .bad)) }
    for store in report.stores {
      if let words = store.words { lines.append(Line(text: "store \(store.name): access \(words)")) }
    }
    if report.feeds.isEmpty, report.streams.isEmpty { lines.append(Line(text: "nothing is configured")) }
    return lines
  }

  private func spool() -> Line {
    let spool = report.spool
    let share = spool.maxBytes == 0 ? 0 : min(1, Double(spool.bytes) / Double(spool.maxBytes))
    let full = Int((share * 20).rounded(.up))
    let bar = String(repeating: "#", count: full) + String(repeating: "-", count: 20 - full)
    let tone: Tone = share > 0.95 ? .bad : share > 0.8 ? .doubtful : .plain
    return Line(text: "spool: [\(bar)] \(size(spool.bytes)) of \(size(spool.maxBytes))", tone: tone)
  }

  private struct Cells {
    var texts: [String]
    var amounts: [UInt64]
    var tone: Tone
  }

  private static let feedHeader = [
    "FEED", "WAITING", "HELD", "QUARANTINE", "HANDED OVER", "LAG", "ROWS/H", "LAST HOUR",
  ]
  private static let streamHeader = [
    "STREAM", "WAITING", "HELD", "CONFIRMED", "UNCONFIRMED", "LAG", "SPEED", "LAST HOUR",
  ]

  private func feedCells(_ feed: StatusReport.Feed) -> Cells {
    let rows = activity.rows[feed.name] ?? []
    return Cells(
      texts: [
        Self.cut(feed.name, to: 20), "\(feed.waiting)", "\(feed.held)", "\(feed.quarantine)", "\(feed.handedOver)",
        span(feed.lagSeconds), Self.short(rows.reduce(0, +)),
      ], amounts: rows, tone: Self.tone(feed.held, feed.pausedSince, feed.lastError))
  }

  private func streamCells(_ stream: StatusReport.Stream) -> Cells {
    Cells(
      texts: [
        Self.cut(stream.name, to: 20), "\(stream.waiting)", "\(stream.held)", "\(stream.confirmed)",
        size(stream.lagBytes), span(stream.lagSeconds), "\(size(stream.bytesPerSecond))/s",
      ], amounts: activity.bytes[stream.name] ?? [], tone: Self.tone(stream.held, stream.pausedSince, stream.lastError))
  }

  private func table(_ header: [String], _ rows: [Cells], _ most: Int, _ columns: Int, _ noun: String) -> [Line] {
    guard !rows.isEmpty else { return [] }
    let shown = rows.prefix(rows.count > most ? max(1, most - 1) : most)
    var widths = header.dropLast().map(\.count)
    for row in shown { for (index, text) in row.texts.enumerated() { widths[index] = max(widths[index], text.count) } }
    func joined(_ texts: [String]) -> String {
      zip(texts, widths).enumerated().map { index, cell in
        let pad = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 ? cell.0 + pad : pad + cell.0
      }.joined(separator: "  ")
    }
    // The least important stand last, where a narrow window cuts.
    let room = columns - widths.reduce(0, +) - 2 * widths.count
    let hasRoom = room >= 8
    var lines = [
      Line(text: ""), Line(text: joined(Array(header.dropLast())) + (hasRoom ? "  LAST HOUR" : ""), tone: .strong),
    ]
    lines += shown.map { row in
      Line(text: joined(row.texts) + (hasRoom ? "  " + Sparkline.text(row.amounts, width: room) : ""), tone: row.tone)
    }
    if shown.count < rows.count {
      lines.append(Line(text: "… \(counted(rows.count - shown.count, "\(noun)")) more", tone: .faint))
    }
    return lines
  }

  private func notes() -> [Line] {
    StatusText.notes(report).map { Line(text: $0.text, tone: $0.isFault ? .bad : .doubtful) }
  }

  // MARK: - Words

  private static func words(_ event: ActivityReport.Line) -> String {
    let name = event.line.event + String(repeating: " ", count: max(0, 16 - event.line.event.count))
    return "\(event.line.at.iso())  \(name)  \(event.subject)  \(event.line.detail)"
  }

  private static func tone(_ event: String) -> Tone {
    switch event {
    case "drop_quarantined", "batch_held", "drop_held", "late_write": .bad
    case "upload_retry", "drop_duplicate", "feed_empty": .doubtful
    default: .plain
    }
  }

  private static func tone(_ held: Int, _ pausedSince: String?, _ lastError: String?) -> Tone {
    held > 0 ? .bad : pausedSince != nil || lastError != nil ? .doubtful : .plain
  }

  static func cut(_ text: String, to width: Int) -> String {
    text.count <= width ? text : "\(text.prefix(width - 1))…"
  }

  /// `950`, `12k`, `3.4M`
  static func short(_ number: UInt64) -> String {
    if number < 10_000 { return "\(number)" }
    if number < 1_000_000 { return "\(number / 1_000)k" }
    let tenths = number / 100_000
    return tenths < 10_000 ? "\(tenths / 10).\(tenths % 10)M" : "\(tenths / 10_000)G"
  }
}
