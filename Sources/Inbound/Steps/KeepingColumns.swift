import Core
import Journal
import Ledger

/// The columns of accepted drops become those of the feed, before anything is handed over with them.
struct KeepingColumns {
  func run(_ judged: [Judged], in pass: FeedPass) throws(FileFault) {
    for one in judged where one.verdict == .accepted {
      guard let columns = one.keptColumns, let before = try count(in: pass) else { continue }
      if columns.count == before { continue }
      try pass.keep(columns)
      let what =
        before == 0
        ? "\(counted(columns.count, "column")) from now on"
        : "\(counted(columns.count - before, "column")) more, behind the \(before) that it had"
      pass.report(
        .columnsKept, "Feed \(pass.settings.name) has \(what), as found in \(one.plan.shown)", one.plan, [.reason: what]
      )
    }
  }

  private func count(in pass: FeedPass) throws(FileFault) -> Int? { try pass.columns()?.count ?? 0 }
}
