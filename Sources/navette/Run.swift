import Agent
import ArgumentParser
import Config

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Run the agent in the foreground.")

  enum LogFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

  @OptionGroup var common: CommonOptions

  @Flag(help: "Do all that can be done now, retry for up to 30 s, and end.")
  var once = false

  @Flag(help: "Take over a state folder that was made on another machine, or came back from a backup.")
  var adopt = false

  @Option(
    help: """
      Write events to standard error: text or json. Without it they go to the journal where systemd has started the agent, else \
      to standard error as text.
      """)
  var logFormat: LogFormat?

  func run() async throws {
    try await carryOut {
      let options = common
      let agent = AgentProcess(
        read: { try readSettings(options, secrets: .needed) }, format: logFormat.map { $0 == .json ? .json : .text },
        adopt: adopt)
      return once ? try await agent.runOnce() : try await agent.run()
    }
  }
}
