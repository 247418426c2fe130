import Config
import Core
import Files
import Journal
import Ledger
import SystemPackage

/// Whether the spool may grow. What it may not take stays in the logs.
struct Room {
  /// The spool was full when something was to be sealed last.
  private(set) var wasMissing = false

  mutating func run(in pass: StreamPass) throws -> Bool {
    let spooled = try pass.ledger.read { (t) throws(LedgerFault) in try t.batches.spoolBytes() }
    let limits = pass.context.limits
    if let full = pass.shared.spool.look(spooled, at: pass.now.wall) {
      pass.report(
        full ? .spoolFull : .laneResumed,
        full
          ? "The spool holds \(spooled) of \(counted(limits.spoolMaxBytes, "byte")): logs stay where they are until batches are confirmed"
          : "The spool has room again", [.bytes: "\(spooled)"])
    }
    let root = pass.context.state.root
    let free = try pass.files.freeBytes(at: root)
    if free < limits.minFree {
      throw FileFault(
        .full, "Too little space on the file system of", at: root,
        why: "\(counted(free, "byte")) free, limits.min_free is \(limits.minFree)",
        remedy: "Free space; logs stay where they are until then")
    }
    wasMissing = pass.shared.spool.since != nil
    return !wasMissing
  }
}
