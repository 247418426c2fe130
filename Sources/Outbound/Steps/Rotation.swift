import Core
import Files
import Lanes
import SystemPackage

/// `rename`: logs are set aside under names of their own, and their writers are told.
struct Rotation {
  /// Runs the operator's command; what it returns is what went wrong.
  private let reopen: @Sendable ([String]) -> String?
  /// The command failed last.
  private(set) var fault: (why: String, since: Timestamp)?

  init(reopen: @escaping @Sendable ([String]) -> String?) { self.reopen = reopen }

  mutating func run(_ sources: [SourceID], _ logs: StreamLogs, in pass: inout StreamPass) throws {
    let sources = Set(sources)
    var directories: Set<FilePath> = []
    var rotated: [(LogFile, FilePath)] = []
    for log in logs.found where sources.contains(log.record.id) && log.role == .live {
      let aside = try pass.each(.log(log.path)) { pass in
        let aside = try LogListing.asidePath(for: log.path, at: pass.now.wall, pass.files)
        try pass.files.move(log.path, to: aside)
        return aside
      }
      guard let aside = aside.value else { continue }
      directories.insert(log.path.parent)
      rotated.append((log, aside))
    }
    // The cursor that is about to move belongs to the file under its new name.
    try pass.files.sync(Array(directories))
    for (log, aside) in rotated {
      pass.report(
        .segmentRotated, "Set aside a log of stream \(pass.name)",
        [.path: aside.string, .bytes: "\(log.info.size)"])
    }
    if !rotated.isEmpty { tellWriters(in: pass) }
  }

  private mutating func tellWriters(in pass: StreamPass) {
    guard !pass.settings.reopen.isEmpty else { return }
    guard let complaint = reopen(pass.settings.reopen) else { return fault = nil }
    let why =
      "The reopen command of stream \(pass.name) failed: \(complaint). The writer may go on in the log that was set aside; it is read until the writer lets go"
    fault = (why, fault?.since ?? pass.now.wall)
    pass.report(.lanePaused, why, [.reason: "reopen"])
  }
}
