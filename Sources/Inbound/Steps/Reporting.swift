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
  /// - Parameter landing: what waits there.
  mutating func run(_ landing: [LaneReport.Item], in pass: FeedPass) {
    let path = pass.host.reportPath(pass.settings.name)
    let report = LaneReport(items: landing + waitingItems(in: pass), reasons: standingReasons(in: pass), pid: getpid())
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
    for (id, reason) in pass.feed.reported {
      let seen = Timestamp(text: id.description.prefix(16)) ?? pass.now.wall
      items.append(LaneReport.Item("Drop \(id)", reason: reason, since: seen))
    }
    return items
  }
}
