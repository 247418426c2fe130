import Agent
import ArgumentParser
import Config
import Core

struct Check: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Validate the configuration, and the folders, rights and stores that it names.",
    discussion: "Every problem is a line; exit status 78 if there is any. Nothing is changed, and no secret is printed."
  )

  @OptionGroup var common: CommonOptions

  @Flag(help: "Also write, read and delete a probe in every store; where feeds only fetch from it, list and read.")
  var connect = false

  @Option(
    help: ArgumentHelp(
      "List what stands in the columns that say what a row of this stream is, how often, and what becomes of it.",
      valueName: "stream"))
  var values: String?

  func run() async throws {
    try await carryOut {
      if let values {
        let settings = try readSettings(common, secrets: .ofTheService)
        for line in try StreamValues.lines(of: values, settings) { Terminal.line(line) }
        return .done
      }
      let settings = try readSettings(common, secrets: connect || AgentProcess.isService ? .needed : .ofTheService)
      let problems =
        SettingsCheck.problems(of: settings) + SettingsCheck.waiting(settings)
      let dropIn = DropIn(settings)
      guard problems.isEmpty else {
        // Within the service, a closed sandbox is the likeliest reason.
        if AgentProcess.isService, let dropIn { tell(dropIn) }
        throw ConfigProblems(problems)
      }
      Terminal.line(
        "\(common.config): \(counted(settings.feeds.count, "feed")), \(counted(settings.streams.count, "stream")), "
          + "\(counted(settings.stores.count, "store")); state in \(settings.state)")
      Terminal.line("host: \(HostReport.line)")
      for lack in HostReport.lacks(settings) { Terminal.line("host: \(lack)") }
      for note in ConsumerCheck.notes(of: settings) { Terminal.line(note) }
      for line in AgentProcess.completeness(settings) { Terminal.line(line) }
      let streams = StreamCheck(settings)
      for line in streams.lines { Terminal.line(line) }
      var worst = streams.isRefused ? Agent.ExitCode.findings : .done
      for secret in settings.unread { Terminal.line("not looked at, for only the service has it: \(secret.key)") }
      if !AgentProcess.isService, !connect, let dropIn { tell(dropIn) }
      if !AgentProcess.isService, !connect { tell(MountUnits(settings)) }
      guard connect else {
        for note in StoreCheck.notes(settings) { Terminal.line(note) }
        if !AgentProcess.isService { for line in StoreCheck.policies(settings) { Terminal.line(line) } }
        return worst
      }
      for store in settings.stores {
        let pulls = settings.feeds.compactMap(\.pull).filter { $0.store == store.name }
        let isSentTo = settings.streams.contains { $0.stores.contains(store.name) }
        let outcome =
          pulls.isEmpty || isSentTo
          ? await StoreCheck.run(store, host: settings.host, state: settings.state, isSentTo: isSentTo)
          : await StoreCheck.run(store, state: settings.state, pulls: pulls)
        for line in outcome.lines { Terminal.line("store \(store.name): \(line)") }
        if outcome.code != .done { worst = outcome.code }
      }
      return worst
    }
  }

  private func tell(_ units: MountUnits?) {
    guard let units else { return }
    Terminal.line(
      "as a service it should start after these mounts, and stop before they go, by systemctl edit navette:")
    for line in units.description.split(separator: "\n") { Terminal.line("  \(line)") }
  }

  private func tell(_ dropIn: DropIn) {
    Terminal.line("as a service it needs these folders opened, by systemctl edit navette:")
    for line in dropIn.description.split(separator: "\n") { Terminal.line("  \(line)") }
  }
}
