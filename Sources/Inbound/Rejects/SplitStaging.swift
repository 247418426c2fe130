import Config
import Core
import Files
import Formats
import SystemPackage

/// A part with bad rows is staged without them, and they are put into quarantine, durably, before anything is handed over.
struct SplitStaging {
  private let pass: FeedPass

  init(_ pass: FeedPass) { self.pass = pass }

  private func folder(_ plan: DropPlan) -> RejectFolder { pass.rejectFolder(of: plan.id) }

  /// - Parameter staged: a new file.
  func stage(
    _ plan: DropPlan, _ number: Int, _ columns: [PathColumn]?, at path: FilePath, to staged: FilePath
  ) throws(FileFault) -> PartRewriter.Rewritten {
    let part = plan.parts[number]
    let isFirst = number == plan.dataIndices.first { plan.parts[$0].rejected ?? 0 > 0 }
    if isFirst { try folder(plan).begin() }
    let root = pass.spool.root
    let bad = try folder(plan).writer(for: part) { [pass] (bytes) throws(FileFault) in
      try pass.requireRoom(for: bytes, at: root)
    }
    let file = try pass.files.create(staged, mode: .init(rawValue: pass.settings.mode))
    let list = SpillFolder(pass).list(plan.id, number)
    let way = try PartSplitter(reader: pass.reader, list: list).split(
      part, at: path, columns, good: { (bytes) throws(FileFault) in try file.write(bytes) },
      bad: { (bytes) throws(FileFault) in try bad.write(bytes) }, note: { (row) throws(FileFault) in try bad.note(row) }
    )
    try bad.finish()
    return way
  }

  func seal(_ plan: DropPlan) throws(FileFault) { try folder(plan).seal(plan) }
}

extension FeedPass {
  func rejectFolder(of drop: DropID) -> RejectFolder { RejectFolder(drop, in: spool.path(.quarantine), files) }

  /// Folders of bad rows of drops that were seen before that time.
  func rejectFolders(before time: Timestamp) throws(FileFault) -> [RejectFolder] {
    try spool.entries(in: .quarantine).compactMap { name in
      guard let drop = RejectFolder.drop(name), let seen = Timestamp(text: drop.description.prefix(16)), seen < time
      else { return nil }
      return rejectFolder(of: drop)
    }
  }
}
