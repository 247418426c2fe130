import Agent
import ArgumentParser
import Config

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Both lanes at a glance.", discussion: "Works whether an agent runs or not.")

  @OptionGroup var common: CommonOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    try await carryOut {
      let report = try StatusReport(try readSettings(common))
      if json { try Terminal.json(report) } else { show(report) }
      return .done
    }
  }

  private func show(_ report: StatusReport) {
    let agent = report.agent
    Terminal.line(
      agent.running
        ? "agent: running, pid \(agent.pid.map(String.init) ?? "?"), since \(agent.since ?? "?")" : "agent: not running"
    )
    Terminal.line("spool: \(size(report.spool.bytes)) of \(size(report.spool.maxBytes))")
    for store in report.stores { Terminal.line("store \(store.name): access \(store.words)") }
    if report.feeds.isEmpty, report.streams.isEmpty { Terminal.line("nothing is configured") }
    if !report.feeds.isEmpty {
      Terminal.line("")
      Terminal.table(
        ["FEED", "WAITING", "HELD", "QUARANTINE", "HANDED OVER", "LAG"],
        report.feeds.map {
          [$0.name, "\($0.waiting)", "\($0.held)", "\($0.quarantine)", "\($0.handedOver)", span($0.lagSeconds)]
        })
    }
    if !report.streams.isEmpty {
      Terminal.line("")
      Terminal.table(
        ["STREAM", "LAG", "UNCONFIRMED", "WAITING", "HELD", "CONFIRMED"],
        report.streams.map {
          [$0.name, span($0.lagSeconds), size($0.lagBytes), "\($0.waiting)", "\($0.held)", "\($0.confirmed)"]
        })
    }
    for (name, since) in report.feeds.map({ ($0.name, $0.pausedSince) })
      + report.streams.map({ ($0.name, $0.pausedSince) })
    {
      if let since {
        Terminal.line("\n\(name): paused on request since \(since); `navette resume \(name)` lets it go on")
      }
    }
    for feed in report.feeds { if let words = feed.words { Terminal.line("\n\(feed.name): \(words)") } }
    for (name, fault) in report.feeds.map({ ($0.name, $0.lastError) }) + report.streams.map({ ($0.name, $0.lastError) })
    {
      if let fault { Terminal.line("\n\(name): \(fault)") }
    }
  }
}
