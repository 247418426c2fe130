import Agent
import ArgumentParser
import Config

/// For `ExecStopPost=` of the unit: systemd's word on how the agent ended reaches the next start.
struct AfterStop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "after-stop", abstract: "Write down how systemd saw the agent end.", shouldDisplay: false)

  @OptionGroup var common: CommonOptions

  func run() async throws {
    try await carryOut {
      try LastLife.note(try readSettings(common, secrets: .unneeded))
      return .done
    }
  }
}
