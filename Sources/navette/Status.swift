import Agent
import ArgumentParser
import Config

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Feeds and streams at a glance.",
    discussion: """
      Works whether an agent runs or not. With --watch it fills the screen until q or Ctrl-C; where no terminal shows it, its text is \
      printed again every two seconds.
      """)

  @OptionGroup var common: CommonOptions

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Look again and again, with the last hour and the last events.")
  var watch = false

  func validate() throws {
    if json, watch { throw ValidationError("Give --json or --watch") }
  }

  func run() async throws {
    try await carryOut {
      let settings = try readSettings(common, secrets: .unneeded)
      if watch {
        try await WatchRun(settings).run()
        return .done
      }
      let report = try StatusReport(settings)
      if json {
        try Terminal.json(report)
        return .done
      }
      for line in StatusText.lines(report) { Terminal.line(line) }
      return .done
    }
  }
}
