import Agent
import ArgumentParser
import Config
import Core

struct Flush: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Rotate and seal now, whatever the age of the records.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "Streams; none: all of them.")
  var streams: [String] = []

  func run() async throws {
    try await carryOut {
      let settings = try readSettings(common)
      let names = try streams.map { text in
        guard let name = StreamName(text), settings.streams.contains(where: { $0.name == name }) else {
          throw Failure(.usage, "There is no stream \(text) in \(common.config)")
        }
        return name
      }
      let outcome = try await Errand(settings).ask(.flush(streams: names.isEmpty ? nil : names))
      Terminal.line(outcome.text)
      return outcome.code
    }
  }
}

struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare the ledger with what the stores really hold.",
    discussion: "Every difference is a line; exit status 1 if there is any, 69 if a store could not be reached.")

  @OptionGroup var common: CommonOptions

  @Argument(help: "Only this stream.")
  var stream: String?

  @Option(help: "Only batches sealed since then: 2026-03-12, 2026-03-12T06:00:00Z, 2h, 7d.")
  var since: String?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws { _ = try navette.since(since, now: SystemClock.wall()) }

  func run() async throws {
    let from = try navette.since(since, now: SystemClock.wall())
    try await carryOut {
      let settings = try readSettings(common)
      let name = try stream.map { text in
        guard let name = StreamName(text), settings.streams.contains(where: { $0.name == name }) else {
          throw Failure(.usage, "There is no stream \(text) in \(common.config)")
        }
        return name
      }
      var findings: [Verification.Finding] = []
      var verification = Verification()
      try await verification.run(settings, stream: name, since: from) { finding in
        findings.append(finding)
        if !json { Terminal.line("\(finding.kind.rawValue) \(finding.store) \(finding.key): \(finding.message)") }
      }
      if json {
        try Terminal.json(
          Report(schema: 1, checked: verification.checked, expired: verification.expired, findings: findings))
      } else {
        let expired = verification.expired > 0 ? ", \(verification.expired) gone after the store's lifetime" : ""
        let differences = findings.isEmpty ? "no difference" : count(findings.count, "difference")
        Terminal.line("\(count(verification.checked, "object")) compared, \(differences)\(expired)")
      }
      return findings.isEmpty ? .done : .findings
    }
  }

  private struct Report: Encodable {
    let schema: Int
    let checked: Int
    let expired: Int
    let findings: [Verification.Finding]
  }
}

struct Rebuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a lost or damaged ledger anew from the state folders.",
    discussion: "The agent must be stopped. The old ledger is put aside beside the new one.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    try await carryOut {
      Terminal.line(try Errand(try readSettings(common)).rebuild())
      return .done
    }
  }
}
