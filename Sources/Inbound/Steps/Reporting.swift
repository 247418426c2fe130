import Core
import Files
import Glibc
import Lanes
import Spool
import SystemPackage

/// What `status` is told of a feed.
struct Reporting {
  /// As it was told last.
  private var last: LaneReport?

  /// Written where it differs from what was told last. What cannot be told is no reason to do anything less.
  mutating func run(in pass: FeedPass) {
    let path = pass.host.reportPath(pass.settings.name)
    let report = LaneReport(items: waitingItems(in: pass), reasons: standingReasons(in: pass), pid: getpid())
    guard report != last else { return }
    // After a restart, what an earlier life said is replaced, too.
    guard last != nil || !report.isEmpty || (try? pass.files.info(path)) != nil else {
      last = report
      return
    }
    guard (try? report.write(to: path, pass.files)) != nil else { return }
    last = report
  }

  private func standingReasons(in pass: FeedPass) -> [LaneReport.Reason] {
    pass.feed.pause.map { [LaneReport.Reason($0.why, since: $0.since)] } ?? []
  }

  private func waitingItems(in pass: FeedPass) -> [LaneReport.Item] {
    var items = pass.feed.waits.waits.map {
      LaneReport.Item(pass.name(of: $0.key), reason: $0.value.reason, since: $0.value.since)
    }
    for folder in pass.feed.folders.values {
      for (key, missing, since) in folder.completing.waitingSince(now: pass.now) {
        guard let first = missing.first else { continue }
        let part = first.part.map { $0.masked + ": " } ?? ""
        items.append(LaneReport.Item(key.masked, reason: "it is not complete: \(part)\(first.message)", since: since))
      }
      for (name, since) in folder.settling.writing(now: pass.now) {
        items.append(LaneReport.Item(name.masked, reason: "somebody has it open for writing", since: since))
      }
    }
    for (id, reason) in pass.feed.reported {
      let seen = Timestamp(text: id.description.prefix(16)) ?? pass.now.wall
      items.append(LaneReport.Item("Drop \(id)", reason: reason, since: seen))
    }
    return items
  }
}
