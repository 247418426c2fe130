public import Config
public import Control
import Core
import Files
import Journal
import Outbound
import Spool
import SystemPackage
import Threads

/// What a command has done by the agent, or does itself where none runs.
public struct CommandRun {
  public struct Outcome: Sendable {
    public let text: String
    public let code: ExitCode
  }

  private let settings: Settings
  private let state: StateFolder
  private let files: LinuxFiles

  public init(_ settings: Settings) {
    self.settings = settings
    state = StateFolder(settings.state)
    files = LinuxFiles(settings)
  }

  /// - Throws: `Failure` where the state folder cannot be used.
  public func ask(_ request: Request) async throws -> Outcome {
    do {
      if try files.info(state.root) != nil {
        try StateOwnership.becomeOwner(of: state, files)
        if let holder = try AgentLock.holder(of: state.root) { return try await leave(request, holder.pid) }
      }
      // An agent that runs has its own word on its folders; who stands in for one looks first.
      let problems = EnvironmentCheck.problems(of: settings)
      guard problems.isEmpty else { throw ConfigProblems(problems) }
      return try await carryOut(request)
    } catch let fault as FileFault {
      throw Failure(fault)
    }
  }

  /// - Parameter told: of how many batches and drops are through, of how many.
  /// - Throws: `Failure` where an agent runs.
  public func rebuild(told: (Int, Int) -> Void = { _, _ in }) throws -> String {
    let events = CommandEvents.sink()
    do {
      guard try files.info(state.root) != nil else {
        throw Failure(.stateUnusable, "There is no state folder \(state.root): no agent has run with it yet")
      }
      try StateOwnership.becomeOwner(of: state, files)
      let lock = try AgentRun.takeLock(state, files)
      defer { withExtendedLifetime(lock) {} }
      let now = SystemClock.now()
      let ledger = try LedgerKeeper.rebuild(settings, files, events, at: now, told: told)
      let (batches, drops) = try ledger.read { (t) throws(LedgerFault) in
        (try t.batches.count(), try t.drops.count())
      }
      events.record(
        .ledgerRebuilt, "The ledger was made anew on request", [.path: state.ledger.string, .reason: "asked"])
      return "the ledger was made anew: \(counted(batches, "batch")), \(counted(drops, "drop"))"
    } catch let fault as FileFault {
      throw Failure(fault)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    }
  }

  private func leave(_ request: Request, _ pid: Int32?) async throws -> Outcome {
    let agent = "the agent (pid \(pid.map(String.init) ?? "?"))"
    guard let answer = try await ControlClient(state, files).ask(request) else {
      return Outcome(text: "\(agent) has been asked, but has not done it yet", code: .later)
    }
    return request.isFlush && !answer.isRefused
      ? Outcome(text: "\(agent) has done it", code: .done) : Self.outcome(answer)
  }

  private func carryOut(_ request: Request) async throws -> Outcome {
    let run = try AgentRun(settings, events: CommandEvents.sink())
    let answer: Answer
    do {
      answer = try await RequestHandler(lanes: LaneSet(run, settings, sending: request.needsStores), sending: false)
        .carryOut(request)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    }
    if request.isFlush, !answer.isRefused {
      return Outcome(text: "no agent runs: rotated and sealed here; the next `navette run` sends", code: .done)
    }
    return Self.outcome(answer)
  }

  private static func outcome(_ answer: Answer) -> Outcome {
    Outcome(text: answer.lines.joined(separator: "\n"), code: answer.isRefused ? .findings : .done)
  }
}

enum CommandEvents {
  static func sink() -> any EventSink {
    TextSink(.standardError, style: .timed, now: SystemClock.wall)
  }
}
