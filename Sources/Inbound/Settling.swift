import Core
import Files

/// Which files of one landing folder have come to rest: size, inode and ctime unchanged for `settle`, by the monotonic clock, as we
/// saw it ourselves. A wall clock that jumps, or a sender that sets times, changes nothing.
///
/// A value without a disk: observations go in, names come out. It remembers the names that lie in landing, and no others.
struct Settling {
  struct Observation: Hashable {
    var size: UInt64
    var inode: UInt64
    /// ctime, in nanoseconds since 1970.
    var changed: Int64

    init(_ info: FileInfo) { (size, inode, changed) = (info.size, info.inode, info.changed) }

    init(_ part: DropPart) { (size, inode, changed) = (part.size, part.inode, part.changed) }
  }

  private struct Watched {
    var last: Observation
    /// Uptime since when it looks like this, and nobody was seen writing.
    var since: Duration
    /// Uptime since when it has been coming.
    let firstSeen: Duration
    /// A longer rest than the others need.
    var needed = Duration.zero
    var wasReported = false
  }

  private var watched: [FileName: Watched] = [:]

  /// All that lies in landing now; what is not among it is forgotten.
  /// - Returns: what has been at rest for `settle`, sorted. It stays known until it is forgotten or gone.
  mutating func observe(
    _ found: [FileName: Observation], at uptime: Duration, settle: Duration
  ) -> [FileName] {
    watched = watched.filter { found[$0.key] != nil }
    for (name, observation) in found {
      if watched[name]?.last == observation { continue }
      let known = watched[name]
      watched[name] = Watched(
        last: observation, since: uptime, firstSeen: known?.firstSeen ?? uptime,
        needed: known?.needed ?? .zero, wasReported: known?.wasReported ?? false)
    }
    return watched.filter { due($0.value, settle) <= uptime }.keys.sorted()
  }

  /// A writer has it open, or it changed while it was taken: its rest begins anew.
  mutating func disturb(_ name: FileName, at uptime: Duration) { watched[name]?.since = uptime }

  /// It counts as whole only after so much rest. Nil: it is not known.
  /// - Returns: the uptime at which it will have had that.
  mutating func require(_ rest: Duration, of name: FileName) -> Duration? {
    guard let known = watched[name] else { return nil }
    watched[name]?.needed = rest
    return due(known, rest)
  }

  /// It was taken.
  mutating func forget(_ name: FileName) { watched[name] = nil }

  /// True once for each file, and not before it has been coming for `patience`: then people should hear of it.
  mutating func isWorthReporting(_ name: FileName, at uptime: Duration, patience: Duration) -> Bool {
    guard let known = watched[name], !known.wasReported, uptime - known.firstSeen >= patience else { return false }
    watched[name]?.wasReported = true
    return true
  }

  var count: Int { watched.count }

  /// What people were told of: it has been coming for long. Since when.
  func writing(now: Moment) -> [(name: FileName, since: Timestamp)] {
    watched.filter(\.value.wasReported).map { ($0.key, now.wall - (now.uptime - $0.value.firstSeen)) }
  }

  /// Uptime of the next moment at which a look could find something newly at rest.
  func next(settle: Duration, after uptime: Duration) -> Duration? {
    watched.values.lazy.map { due($0, settle) }.filter { $0 > uptime }.min()
  }

  private func due(_ file: Watched, _ settle: Duration) -> Duration {
    file.since + max(settle, file.needed)
  }
}
