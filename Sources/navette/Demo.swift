import Agent
import ArgumentParser
import SystemPackage

struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Feeds and streams end to end in a folder of their own, verified byte for byte.")

  @Option(help: ArgumentHelp("Where: a folder that is empty or does not exist.", valueName: "folder"))
  var dir: String?

  @Flag(help: "Leave the folder to look at.")
  var keep = false

  func run() async throws {
    try await carryOut {
      try await Demonstration(folder: dir.map { FilePath($0) }, keeps: keep || dir != nil) { Terminal.line($0) }.run()
    }
  }
}
