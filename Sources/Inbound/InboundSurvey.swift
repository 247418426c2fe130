public import Config
public import Core
public import Files
public import Spool
import SystemPackage

/// How things stand with one feed, as seen from outside the agent: it writes nothing.
public struct InboundSurvey: Hashable, Sendable {
  /// Files in landing that count, and drops that are ours and not at an end.
  public private(set) var waiting = 0
  public private(set) var held = 0
  public private(set) var quarantine = 0
  /// Rows that were left out of what was handed over, and still lie in quarantine; of so many drops.
  public private(set) var rejectedRows = 0
  public private(set) var rejectedDrops = 0
  /// Set aside: they cannot be worked on.
  public private(set) var damaged = 0
  /// Since when the oldest of the waiting has been there.
  public private(set) var oldest: Timestamp?
  /// Why the newest drop in held or quarantine is there, or why landing cannot be read.
  public private(set) var lastError: String?
  /// Since when a person has paused it.
  public private(set) var pausedSince: Timestamp?

  public init(_ settings: FeedSettings, state: StateFolder, files: any Files) throws {
    let spool = Spool<DropPlace>(root: state.feed(settings.name), files: files)
    pausedSince = try PauseMark(settings.name, state: state, files: files).since()
    for place in [DropPlace.gathering, .claimed, .handover] {
      for id in try spool.entries(in: place).compactMap({ DropID($0) }) {
        waiting += 1
        if let seen = Timestamp(text: id.description.prefix(16)) { see(seen) }
      }
    }
    held = try spool.entries(in: .held).count(where: { DropID($0) != nil })
    damaged = try spool.entries(in: .damaged).count(where: { DropID($0) != nil })
    let names = try spool.entries(in: .quarantine)
    for drop in names.compactMap(RejectFolder.drop) {
      rejectedDrops += 1
      rejectedRows +|= RejectFolder(drop, in: spool.path(.quarantine), files).count()?.rejected ?? 0
    }
    let refused = names.compactMap { DropID($0) }
    // A drop that was swept keeps only its plan: it waits for nobody.
    for id in refused where try files.info(spool.path(.quarantine, id).appending(DropPlan.partsName)) != nil {
      quarantine += 1
    }
    lastError = try newestReason(spool, files)
    count(in: settings.landing, LandingFilter(settings), files, depth: settings.recursive ? Limits.landingDepth : 0)
  }

  /// A folder that cannot be looked into is told; the others count.
  private mutating func count(in folder: FilePath, _ filter: LandingFilter, _ files: any Files, depth: Int) {
    do {
      for name in try files.list(folder) {
        let path = folder.appending(name)
        if depth > 0, name.plain != nil, !LandingFilter.isUnfinished(name), try files.info(path)?.kind == .directory {
          count(in: path, filter, files, depth: depth - 1)
          continue
        }
        guard filter.kind(of: name) == .data, let info = try files.info(path), info.kind == .file else { continue }
        waiting += 1
        see(Timestamp(nanoseconds: info.changed))
      }
    } catch {
      lastError = error.description
    }
  }

  private mutating func see(_ time: Timestamp) { oldest = min(oldest ?? time, time) }

  private func newestReason(_ spool: Spool<DropPlace>, _ files: any Files) throws(FileFault) -> String? {
    var newest: (id: DropID, place: DropPlace)?
    for place in [DropPlace.held, .quarantine, .damaged] {
      // They are sorted, and drops' names by time.
      guard let last = try spool.entries(in: place).lazy.reversed().compactMap({ DropID($0) }).first else { continue }
      if newest.map({ $0.id < last }) ?? true { newest = (last, place) }
    }
    guard let newest else { return nil }
    let path = spool.path(newest.place, newest.id).appending(DropPlan.reasonsName)
    guard let reasons = try? files.readPlan([Reason].self, at: path), let first = reasons.first else { return nil }
    return "drop \(newest.id): \(first.message)"
  }
}
