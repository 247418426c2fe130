import Config
import Control
import Core
import Files
import Inbound
import Journal
import Ledger
import Outbound
import Spool
import Store
import Stores
import SystemPackage
import Threads

/// An agent that holds its state folder: lock taken, ledger open. A process has one; a reload makes new lanes in it.
final class AgentRun: Sendable {
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let state: StateFolder
  /// Of an agent; a command's is told to nobody.
  let hands: Hands
  /// What it crashed on before.
  let suspects: Suspects
  let clock: ClockTrust
  /// What feeds took of late: a reload forgets none of it.
  let taken = TakenFiles()
  private let lock: AgentLock

  /// - Parameter isAgent: a life that is told of; false: a command that works without one.
  /// - Throws: `Failure`, where another agent holds the folder, it is another machine's, or it cannot be read or written.
  init(_ settings: Settings, events: any EventSink, adopt: Bool = false, isAgent: Bool = false) throws {
    files = LinuxFiles(settings)
    self.events = events
    state = StateFolder(settings.state)
    var begun: (hands: Hands, suspects: Suspects)?
    do {
      try files.ensureDirectory(state.root)
      try StateOwnership.becomeOwner(of: state, files)
      lock = try AgentRun.takeLock(state, files)
      begun = isAgent ? LastLife.begin(state, files, events) : nil
      // What a killed process left of a key ring.
      if isAgent { try? GnuPG(state: state).sweep() }
      (hands, suspects) = begun ?? (.none, .none)
      try StateOwnership.checkMachine(state, files, adopt: adopt)
      try StateForm.raise(state, by: Version.text, files)
      if adopt { try StreamWorker.adopt(settings.streams, state, files) }
      try RequestQueue(state: state, files: files).prepare()
      ledger = try LedgerKeeper.open(settings, files, events, at: SystemClock.now())
      clock = ClockTrust(
        at: state.clock, files, events,
        lastKnown: try ledger.read(HistoryTable.lastTime))
    } catch {
      let failure = Failure.of(error)
      begun?.hands.end(code: (failure as? Failure)?.code.rawValue ?? ExitCode.stateUnusable.rawValue)
      throw failure
    }
  }

  /// - Throws: `Failure`: to try again later where another agent holds it; for good where a later version has used it.
  static func takeLock(_ state: StateFolder, _ files: any Files) throws -> AgentLock {
    do throws(FileFault) {
      let lock = try AgentLock(state: state.root)
      _ = try StateForm.read(state, files)
      return lock
    } catch {
      throw Failure(error.kind == .exists ? .later : .stateUnusable, error.description)
    }
  }
}
