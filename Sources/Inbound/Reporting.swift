import Core
import Files
import Glibc
import Lanes
import Spool
import SystemPackage

// What `status` is told of a feed.
extension FeedPass {
  /// Written where it differs from what was told last. What cannot be told is no reason to do anything less.
  mutating func writeReport() {
    let report = LaneReport(items: waitingItems, reasons: standingReasons, pid: getpid())
    guard report != feed.report else { return }
    // After a restart, what an earlier life said is replaced, too.
    guard feed.report != nil || !report.isEmpty || (try? files.info(reportPath)) != nil else {
      feed.report = report
      return
    }
    guard (try? report.write(to: reportPath, files)) != nil else { return }
    feed.report = report
  }

  private var reportPath: FilePath { host.reportPath(settings.name) }

  private var standingReasons: [LaneReport.Reason] {
    feed.pause.map { [LaneReport.Reason($0.why, since: $0.since)] } ?? []
  }

  private var waitingItems: [LaneReport.Item] {
    var items = feed.waits.waits.map {
      LaneReport.Item(name(of: $0.key), reason: $0.value.reason, since: $0.value.since)
    }
    for folder in feed.folders.values {
      for (key, missing, since) in folder.completing.waitingSince(now: now) {
        guard let first = missing.first else { continue }
        let part = first.part.map { $0.masked + ": " } ?? ""
        items.append(LaneReport.Item(key.masked, reason: "it is not complete: \(part)\(first.message)", since: since))
      }
      for (name, since) in folder.settling.writing(now: now) {
        items.append(LaneReport.Item(name.masked, reason: "somebody has it open for writing", since: since))
      }
    }
    for (id, reason) in feed.reported {
      let seen = Timestamp(text: id.description.prefix(16)) ?? now.wall
      items.append(LaneReport.Item("Drop \(id)", reason: reason, since: seen))
    }
    return items
  }
}
