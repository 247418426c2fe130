import Agent
import ArgumentParser
import Config
import Core

struct Verify: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare the ledger with what the stores really hold.",
    discussion: """
      Sizes, and digests where a store tells them; with --content every object is read back and its digest computed.
      What of logs was never read, as far as that is known, is told beside it. Every difference is a line; exit status 1 if there is any, 69 if a store could not be reached.
      """)

  @OptionGroup var common: CommonOptions

  @Argument(help: "Only this stream.")
  var stream: String?

  @Option(help: "Only batches sealed since then: 2026-03-12, 2026-03-12T06:00:00Z, 2h, 7d.")
  var since: String?

  @Flag(help: "Read every object back and compare its bytes' digest.")
  var content = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws { _ = try navette.since(since, now: SystemClock.wall()) }

  func run() async throws {
    let from = try navette.since(since, now: SystemClock.wall())
    try await carryOut {
      let settings = try readSettings(common, secrets: .needed)
      let name = try stream.map { text in
        guard let name = StreamName(text), settings.streams.contains(where: { $0.name == name }) else {
          throw Failure(.findings, "There is no stream \(text) in \(common.config)")
        }
        return name
      }
      var findings: [Verification.Finding] = []
      let bar = ProgressBar()
      var verification = Verification(content: content) { progress in
        let of = "\(progress.objects) of \(counted(progress.allObjects, "object"))"
        bar.show(progress.bytes, of: progress.allBytes, "\(of), \(size(progress.bytes)) of \(size(progress.allBytes))")
      }
      defer { bar.clear() }
      try await verification.run(settings, stream: name, since: from) { finding in
        findings.append(finding)
        bar.clear()
        if !json {
          Terminal.line(
            "\(finding.kind.rawValue) \(finding.store.isEmpty ? "" : "\(finding.store) ")\(finding.key): \(finding.message)"
          )
        }
      }
      bar.clear()
      if json {
        try Terminal.json(
          Report(
            schema: 1, checked: verification.checked, content: content, expired: verification.expired,
            findings: findings
          ))
      } else {
        let expired = verification.expired > 0 ? ", \(verification.expired) gone after the store's lifetime" : ""
        let differences = findings.isEmpty ? "no difference" : counted(findings.count, "difference")
        let how = content ? "read back and compared" : "compared"
        Terminal.line("\(counted(verification.checked, "object")) \(how), \(differences)\(expired)")
      }
      return findings.isEmpty ? .done : .findings
    }
  }

  private struct Report: Encodable {
    let schema: Int
    let checked: Int
    let content: Bool
    let expired: Int
    let findings: [Verification.Finding]
  }
}
