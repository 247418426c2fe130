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
      let settings = try readSettings(common, secrets: .unneeded)
      let names = try streams.map { text in
        guard let name = StreamName(text), settings.streams.contains(where: { $0.name == name }) else {
          throw Failure(.usage, "There is no stream \(text) in \(common.config)")
        }
        return name
      }
      let outcome = try await CommandRun(settings).ask(.flush(streams: names.isEmpty ? nil : names))
      Terminal.line(outcome.text)
      return outcome.code
    }
  }
}

struct Rebuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a lost or damaged ledger anew from the state folders.",
    discussion: "The agent must be stopped. The old ledger is put aside beside the new one.")

  @OptionGroup var common: CommonOptions

  func run() async throws {
    try await carryOut {
      let bar = ProgressBar()
      defer { bar.clear() }
      let words = try CommandRun(try readSettings(common, secrets: .unneeded)).rebuild { done, all in
        bar.show(UInt64(done), of: UInt64(all), "\(done) of \(all) batches and drops")
      }
      bar.clear()
      Terminal.line(words)
      return .done
    }
  }
}
