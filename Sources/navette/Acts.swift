import Agent
import ArgumentParser
import Config
import Core

struct Flush: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rotate and seal now, whatever the age of the records.",
    discussion:
      "What could not be sealed (of a stream that is paused, with a full spool, of a log that waits) is a line; exit status 1 then."
  )

  @OptionGroup var common: CommonOptions

  @Argument(help: "Streams; none: all of them.")
  var streams: [String] = []

  func run() async throws {
    try await carryOut {
      let settings = try readSettings(common, secrets: .unneeded)
      let names = streams.compactMap { StreamName($0) }
      let outcome =
        names.isEmpty && !streams.isEmpty
        ? nil : try await CommandRun(settings).ask(.flush(streams: streams.isEmpty ? nil : names))
      if let outcome { Terminal.line(outcome.text) }
      // What can be no stream's name, nobody is asked about.
      let others = streams.filter { StreamName($0) == nil }
      for text in others { Terminal.line("There is no stream \(text)") }
      return others.isEmpty ? outcome?.code ?? .done : .findings
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
