import Core
import Files
import Journal
import Ledger
import Spool
import SystemPackage

/// The first of a drop: its name and `drop.json`, in `gathering`. Not durable yet.
struct Planning {
  func run(
    _ arrival: Arrival, _ infos: [FileName: FileInfo], from folder: FilePath, in pass: FeedPass
  ) throws -> DropPlan {
    func parts(_ names: [FileName], _ role: DropPart.Role?) throws -> [DropPart] {
      try names.compactMap { (name) -> DropPart? in
        guard let info = infos[name] else { return nil }
        var part = DropPart(
          name: name, landing: folder.string, size: info.size, inode: info.inode, changed: info.changed, role: role)
        part.device = info.device
        part.origin = try origin(of: part, in: pass)
        return part
      }
    }
    let all =
      try parts(arrival.data, nil) + parts(arrival.manifest.map { [$0] } ?? [], .manifest)
      + parts(arrival.markers, .marker)
    let id = try pass.newDrop()
    var plan = DropPlan(id: id, feed: pass.settings.name, seenAt: pass.now.wall, parts: all)
    if pass.feed.mounts.wasMount(pass.landing) { plan.landingIsMount = true }
    if !arrival.missing.isEmpty { plan.incomplete = Array(arrival.missing.prefix(Limits.reasons)) }
    try pass.files.makeDirectory(pass.spool.path(.gathering, id), mode: .stateDirectory)
    try pass.files.makeDirectory(pass.partsPath(.gathering, id), mode: .stateDirectory)
    try write(plan, in: pass)
    return plan
  }

  /// Where a feed pulls: the object that was fetched under this name, if this is its file.
  private func origin(of part: DropPart, in pass: FeedPass) throws(LedgerFault) -> DropPart.Origin? {
    guard pass.settings.pull != nil else { return nil }
    let below = FilePath(part.landing).names.dropFirst(pass.landing.names.count)
    let path = (below + [part.name]).map(\.description).joined(separator: "/")
    let name = pass.settings.name
    let found = try pass.host.ledger.read { (t) throws(LedgerFault) in
      try t.pulls.origin(name, path: path, inode: part.inode)
    }
    return found?.size == part.size ? found : nil
  }

  /// A new folder needs no temporary name, and its barrier is shared with the rest of the slice.
  private func write(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) {
    let file = try pass.files.create(pass.planPath(.gathering, plan.id), mode: .stateFile)
    try encodePlan(plan).withUnsafeBufferPointer { (raw) throws(FileFault) in
      try file.write(UnsafeRawBufferPointer(raw))
    }
  }
}

extension FeedPass {
  /// The name of a drop that is seen now, and that no other has.
  func newDrop() throws(FileFault) -> DropID {
    while true {
      let id = DropID(seen: now.wall, salt: host.salt())
      if try spool.place(of: id) == nil { return id }
    }
  }
}
