public import Config
import Core
import Files
import Ledger
import Outbound
import Spool

/// What `check` says of the logs of streams, and of what Adobe Experience Platform would make of them. Nothing is changed.
public struct StreamCheck {
  public let lines: [String]
  /// AEP surely refuses something, or takes it for what it is not.
  public let isRefused: Bool

  public init(_ settings: Settings) {
    let files = LinuxFiles(settings)
    let state = StateFolder(settings.state)
    // Who may not read it has no ledger to tell of; the rest can be said all the same.
    let isThere = (try? files.info(state.ledger)) ?? nil
    let ledger = isThere == nil ? nil : try? LedgerKeeper.reader(state, files)
    let notes = LintReader(settings, files: files).notes(ledger, at: SystemClock.wall())
    (lines, isRefused) = (notes.map(\.description), notes.contains(where: \.isRefusal))
  }
}
