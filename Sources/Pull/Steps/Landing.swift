import Core
import Files
import Journal
import Lanes
import Ledger
import SystemPackage

/// What was fetched becomes ours, then gets its name in landing.
struct Landing: Sendable {
  private var isPrepared = false
  /// Something waits for its name.
  private var mayPlace = false
  /// What has its bytes in landing, cannot get its name there, and was told.
  private var misplaced: Set<String> = []

  /// Once in each life: what was being fetched is fetched anew, what was recorded as being placed goes on.
  mutating func prepare(in pass: PullPass) throws {
    let (feed, files) = (pass.feed, pass.files)
    guard try files.info(feed.landing)?.kind == .directory else {
      throw FileFault(
        .missing, "Cannot fetch to", at: feed.landing, why: "there is no such directory",
        remedy: "Make it, or mount what it belongs to")
    }
    guard !isPrepared else { return }
    let kept = Set(try placing(in: pass).compactMap { feed.part(of: $0.source).name })
    for name in try files.list(feed.landing) where PartName.isOne(name) && !kept.contains(name) {
      try files.remove(feed.landing.appending(name))
    }
    (isPrepared, mayPlace) = (true, true)
  }

  private func placing(in pass: PullPass) throws(LedgerFault) -> [PulledRecord] {
    let name = pass.feed.name
    return try pass.host.ledger.read { (t) throws(LedgerFault) in try t.pulls.list(name, in: .placing) }
  }

  /// Durable, then recorded as being placed.
  mutating func take(
    _ fetch: PullFetch, _ standing: PullStanding, in pass: inout PullPass
  ) throws(LedgerFault) {
    let inode: UInt64
    do throws(FileFault) {
      inode = try secured(fetch, in: pass)
    } catch {
      fetch.clear(pass.files)
      return pass.trouble(error)
    }
    let (now, name) = (pass.now.wall, pass.feed.name)
    let record = PulledRecord(
      fetch.candidate.source, path: fetch.candidate.pathText, state: .placing, inode: inode, at: now, listedAt: now)
    try pass.host.ledger.transact("fetched") { (t) throws(LedgerFault) in
      try t.pulls.note(record, name)
      try t.pulls.note(standing, name)
    }
    mayPlace = true
  }

  /// Durable on return. - Returns: the file's inode.
  private func secured(_ fetch: PullFetch, in pass: PullPass) throws(FileFault) -> UInt64 {
    guard let info = try pass.files.info(fetch.part), info.size == fetch.candidate.source.size else {
      throw FileFault(.io, "Cannot fetch to", at: fetch.part, why: "the file is not as long as its object")
    }
    try pass.files.sync([fetch.part, pass.feed.landing])
    return info.inode
  }

  /// What is fetched and recorded gets its name, where that is free.
  mutating func run(in pass: inout PullPass) throws {
    guard mayPlace else { return }
    let placing = try placing(in: pass)
    let (feed, files) = (pass.feed, pass.files)
    var placed: [DropPart.Origin] = []
    var folders: Set<FilePath> = []
    for record in placing {
      let part = feed.part(of: record.source)
      guard try files.info(part) != nil else {
        // It was renamed before a stop.
        placed.append(record.source)
        continue
      }
      guard let target = feed.target(record.path) else { continue }
      let folder = target.parent
      do {
        if folder != feed.landing { try files.ensureDirectory(folder) }
        try files.move(part, to: target)
        folders.formUnion([folder, feed.landing])
        placed.append(record.source)
        pass.summary.landed += 1
      } catch {
        // The one before it has not been taken yet; or in its folder's place lies a file, which concerns only what is below.
        guard error.kind == .exists || folder != feed.landing else { throw error }
        if error.kind != .exists { tell(record.source, error, in: pass) }
        pass.summary.look(at: pass.now.uptime + Limits.pullRetry)
      }
    }
    if !folders.isEmpty { try files.sync(folders.sorted { $0.string < $1.string }) }
    if !placed.isEmpty {
      let done = placed
      try pass.host.ledger.transact("landed") { (t) throws(LedgerFault) in
        for source in done { try t.pulls.note(.landed, of: source, feed.name, from: .placing) }
      }
    }
    mayPlace = placed.count < placing.count
  }

  /// It has its bytes in landing, and no place for its name there.
  private mutating func tell(_ source: DropPart.Origin, _ fault: FileFault, in pass: PullPass) {
    guard misplaced.count < Limits.pullWindow, misplaced.insert(source.key).inserted else { return }
    let shown = FileName(source.key).maskedShort
    pass.report(
      .dropWaiting, "\(shown) was fetched for feed \(pass.feed.name) and has no place in landing: \(fault)",
      reason: "no_folder", [.key: shown])
  }
}
