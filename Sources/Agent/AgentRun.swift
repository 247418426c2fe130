public import Config
public import Core
import Files
import Inbound
public import Journal
import Ledger
import Outbound
import Spool
import Store
import Stores
import SystemPackage

/// An agent that holds its state folder: lock taken, ledger open. One life of the process has one; a reload makes new lanes in it.
final class AgentRun: Sendable {
  let settings: Guarded<Settings>
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  private let lock: AgentLock

  /// - Throws: `Failure`, where another agent holds the folder, it is another machine's, or it cannot be read or written.
  init(_ settings: Settings, events: any EventSink, adopt: Bool = false) throws {
    files = LinuxFiles()
    self.settings = Guarded(settings)
    self.events = events
    let state = StateFolder(settings.state)
    do {
      try files.ensureDirectory(state.root)
      try Host.becomeOwner(of: state, files)
      lock = try AgentLock(in: state.root)
      try Host.checkMachine(state, files, adopt: adopt)
      try RequestBox(state: state, files: files).prepare()
      ledger = try LedgerKeeper.open(settings, files, events, at: SystemClock.now())
    } catch let fault as FileFault {
      throw Failure(fault)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    }
  }

  /// New lanes for the present configuration.
  func makeLanes(stop: StopFlag) throws -> Lanes {
    let settings = settings.withLock { $0 }
    return try Lanes(settings, files: files, ledger: ledger, events: events, stop: stop)
  }
}

/// Set once; asked from any thread.
final class StopFlag: Sendable {
  private let flag = Guarded(false)
  func set() { flag.withLock { $0 = true } }
  var isSet: Bool { flag.withLock { $0 } }
}
