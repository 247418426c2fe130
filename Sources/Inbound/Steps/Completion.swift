import Config
import Core
import Files
import Formats
import Glibc
import Lanes
import Ledger
import SystemPackage

/// What of a folder belongs together, and is all there. `Completing` decides it; this reads what it asks for.
struct Completion {
  private struct Folder {
    var completing = Completing()
    /// What was read once is not read again while it does not change.
    var full: [FileName: (seen: Settling.Observation, isFull: Bool)] = [:]
  }

  private var folders: [FilePath: Folder] = [:]

  mutating func run(_ scan: Intake.Scan, in pass: inout FeedPass) throws -> [Arrival] {
    if scan.isIdle { return [] }
    let (view, folder, now) = (scan.view, scan.folder, pass.now.uptime)
    var known = folders[folder] ?? Folder()
    var full = known.full.filter { view.data[$0.key] == $0.value.seen }
    let arrivals = try known.completing.arrivals(
      view, pass.feed.filter.rules(pass.settings, in: folder), at: now,
      isFull: { name in try isFull(name, view.data[name], in: folder, &full, in: &pass) },
      unpackedSize: { name in try unpackedSize(name, in: folder, pass) }, isKnown: { try isKnown($0, in: pass) })
    known.full = full
    let newlyWaiting = known.completing.newlyWaiting(at: now, patience: Limits.patience)
    if let next = known.completing.next(timeout: pass.settings.timeout) { pass.summary.look(at: max(next, now)) }
    folders[folder] = known
    for (key, missing) in newlyWaiting { tell(key, missing, in: folder, in: pass) }
    if scan.isCut {
      pass.summary.isCut = true
      // What is taken now makes room for what was left out.
      if !arrivals.isEmpty { pass.summary.look(at: now) }
    }
    return arrivals
  }

  private func tell(_ key: FileName, _ missing: [Reason], in folder: FilePath, in pass: FeedPass) {
    guard let why = Self.words(missing) else { return }
    let more = missing.count > 1 ? ", and \(missing.count - 1) more" : ""
    pass.reportWaiting(shown(key, in: folder), why + more, in: key == Completing.exportKey ? folder.parent : folder)
  }

  /// Nil: nothing is missing.
  private static func words(_ missing: [Reason]) -> String? {
    missing.first.map { first in
      "it is not complete: \(first.part.map { $0.masked + ": " } ?? "")\(first.message)"
    }
  }

  /// Before a look at all of landing.
  mutating func begin(in pass: FeedPass) {
    let (landing, isRecursive) = (pass.landing, pass.settings.recursive)
    folders = folders.filter { folder, _ in folder == landing || isRecursive }
  }

  /// It is gone.
  mutating func forget(_ folder: FilePath) { folders[folder] = nil }

  /// For `status`.
  func waiting(at now: Moment) -> [LaneReport.Item] {
    folders.flatMap { path, folder in
      folder.completing.waitingSince(now: now).compactMap { key, missing, since in
        Self.words(missing).map { LaneReport.Item(shown(key, in: path).masked, reason: $0, since: since) }
      }
    }
  }

  private func shown(_ key: FileName, in folder: FilePath) -> FileName {
    key == Completing.exportKey ? folder.lastComponent.map { FileName($0.string) } ?? key : key
  }

  /// Whether the files of a late manifest were taken before it came.
  private func isKnown(_ manifest: Manifest, in pass: FeedPass) throws(LedgerFault) -> Bool {
    let since = (manifest.scheduledAt ?? pass.now.wall - pass.settings.timeout) - Limits.manifestMargin
    let files = Completing.ordered(manifest.files)
    let feed = pass.settings.name
    return try pass.host.ledger.read { (t) throws(LedgerFault) in
      let all = files.total(\.size)
      let names = files.map(\.name)
      if try t.drops.hasSeen(feed, names: names, bytes: all, since: since) { return true }
      if try t.drops.hasSeen(feed, names: names.map(Manifest.packed), bytes: nil, since: since) { return true }
      for file in files where try !t.drops.hasSeen(feed, names: [file.name], bytes: file.size, since: since) {
        guard try t.drops.hasSeen(feed, names: [Manifest.packed(file.name)], bytes: nil, since: since) else {
          return false
        }
      }
      return true
    }
  }

  /// As its last four bytes say; nil where it is not gzip, or cannot be read now.
  private func unpackedSize(_ name: FileName, in folder: FilePath, _ pass: FeedPass) throws(FileFault) -> UInt32? {
    do {
      let file = try pass.files.open(folder.appending(name))
      let size = try file.info().size
      guard try pass.reader.head(of: file) == .gzip, size > 4 else { return nil }
      var tail = [UInt8](repeating: 0, count: 4)
      guard try file.fill(&tail, at: size - 4) == 4 else { return nil }
      return tail.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    } catch {
      if error.kind == .exhausted { throw error }
      return nil
    }
  }

  /// Whether the part has as many rows as AEP puts into one that has a successor. Nil: asked to stop.
  private func isFull(
    _ name: FileName, _ seen: Settling.Observation?, in folder: FilePath,
    _ known: inout [FileName: (seen: Settling.Observation, isFull: Bool)], in pass: inout FeedPass
  ) throws -> Bool? {
    guard let seen, seen.size >= Limits.fullPackedPartBytes else { return false }
    guard seen.size >= Limits.fullPartBytes || DropName(name).isExport else { return false }
    if let before = known[name], before.seen == seen { return before.isFull }
    let path = folder.appending(name)
    if pass.feed.waits.isPostponed(.file(path), at: pass.now.uptime) { return nil }
    do throws(FileFault) {
      let answer = try pass.holding(.look, seen) { () throws(FileFault) in try isFull(path, in: pass) }
      guard let isFull = answer else { return nil }
      known[name] = (seen, isFull)
      return isFull
    } catch {
      if error.kind == .exhausted { throw error }
      // It cannot be read: who takes it will say so. A disk may read the next time.
      guard error.kind == .io, !pass.feed.waits.isPersistent(.file(path)) else { return false }
      try pass.postpone(.file(path), error)
      return nil
    }
  }

  private func isFull(_ path: FilePath, in pass: FeedPass) throws(FileFault) -> Bool? {
    let file = try pass.files.open(path)
    let (kind, size) = (try pass.reader.head(of: file), try file.info().size)
    // More is refused whatever it holds.
    if isTooLarge(size, kind, pass.settings) { return false }
    if pass.settings.format.type == .opaque { return false }
    if kind != .gzip, kind != .pgp {
      guard size >= Limits.fullPartBytes, let mayBe = try hasManyLines(file, in: pass) else {
        return size < Limits.fullPartBytes ? false : nil
      }
      if !mayBe { return false }
    }
    if pass.settings.format.type == .json { return try hasFullLines(file, in: pass) }
    var rules = TableRules(pass.settings)
    (rules.minRows, rules.maxRows, rules.columns, rules.columnsExact) = (0, 0, [], false)
    var inspector = TableInspector(rules: rules, hashes: false)
    func take(_ bytes: UnsafeRawBufferPointer) throws(FileFault) -> Bool {
      inspector.feed(bytes)
      // Longer than any part that has a successor, or no table.
      return inspector.rows <= Limits.rowsPerPart && !inspector.isDecided
    }
    let answer = try pass.reader.isSealed(file) ? pass.reader.unseal(file, take) : pass.reader.read(file, take)
    if answer == .stopped { return nil }
    return answer == .whole && inspector.finish().rows == Limits.rowsPerPart
  }

  /// A line is a row.
  private func hasFullLines(_ file: any ReadableFile, in pass: FeedPass) throws(FileFault) -> Bool? {
    var counter = LineCounter()
    func take(_ bytes: UnsafeRawBufferPointer) throws(FileFault) -> Bool {
      counter.feed(bytes)
      return counter.count <= Limits.rowsPerPart && !counter.isDamaged
    }
    let answer = try pass.reader.isSealed(file) ? pass.reader.unseal(file, take) : pass.reader.read(file, take)
    if answer == .stopped { return nil }
    counter.finish()
    return answer == .whole && !counter.isDamaged && counter.count == Limits.rowsPerPart
  }

  /// Line ends are counted much faster than rows are told apart, and few files have enough of them. Nil: asked to stop.
  private func hasManyLines(_ file: any ReadableFile, in pass: FeedPass) throws(FileFault) -> Bool? {
    var (lines, since) = (0, 0)
    let answer = try pass.reader.read(file) { (bytes) throws(FileFault) in
      let found = Self.lineEnds(in: bytes, pass.settings.format.lineEnd == .cr ? 13 : 10)
      lines += found
      since = found > 0 ? 0 : since + bytes.count
      // A line longer than any row may be is no table's.
      return lines < Limits.rowsPerPart && since <= pass.settings.require.maxRowBytes
    }
    return answer == .stopped ? nil : lines >= Limits.rowsPerPart
  }

  private static func lineEnds(in bytes: UnsafeRawBufferPointer, _ byte: Int32) -> Int {
    guard var at = bytes.baseAddress else { return 0 }
    let end = at + bytes.count
    var count = 0
    while at < end, let found = memchr(at, byte, end - at) {
      count += 1
      at = UnsafeRawPointer(found) + 1
    }
    return count
  }
}
