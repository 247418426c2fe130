import Core
import Files
import Glibc
import Lanes
import Spool
import SystemPackage

/// What `status` is told of the stream. What cannot be told is no reason to do anything less.
struct Reporting {
  /// As it was told last.
  private var report: LaneReport?

  /// - Parameter reopen: the reopen command failed last.
  mutating func run(_ reopen: (why: String, since: Timestamp)?, in pass: StreamPass) {
    let context = pass.context
    var reasons: [LaneReport.Reason] = []
    if let pause = pass.pause { reasons.append(LaneReport.Reason(pause.said, since: pause.since)) }
    if let since = context.shared.spool.since {
      reasons.append(
        LaneReport.Reason("the spool is full (limits.spool_max_bytes): logs stay where they are", since: since))
    }
    if let fault = reopen { reasons.append(LaneReport.Reason(fault.why, since: fault.since)) }
    let items = pass.waits.waits.map {
      LaneReport.Item($0.key.shown, reason: $0.value.reason, since: $0.value.since)
    }
    let new = LaneReport(items: items, reasons: reasons, pid: getpid())
    guard new != report else { return }
    let path = context.state.report(of: context.name)
    if report != nil || !new.isEmpty || (try? context.files.info(path)) != nil {
      guard (try? new.write(to: path, context.files)) != nil else { return }
    }
    report = new
  }
}
