import Core
import Files
import Spool
import SystemPackage

/// What landing holds of a drop that is ours already and waits: it is not taken a second time.
struct Reserved {
  /// Of the file that the drop was made of; nil where the drop cannot be read, so that any file of the name is left alone.
  let inode: UInt64?
}

/// What landing holds of drops that are ours already: it is not taken a second time.
struct Reserving {
  /// Originals of claimed drops that could not be removed from landing.
  private var uncleared: [FilePath: UInt64] = [:]
  /// Drops in `gathering` or `claimed` that cannot be worked on now, and what landing may hold of them.
  private var stuck: Set<DropID> = []
  private var reserved: [FilePath: Reserved] = [:]

  mutating func hold(_ id: DropID) { stuck.insert(id) }

  /// - Parameter inode: nil: it was removed.
  mutating func note(_ original: FilePath, _ inode: UInt64?) { uncleared[original] = inode }

  /// All that is claimed is looked at anew.
  mutating func forgetUncleared() { uncleared = [:] }

  /// A drop that waits keeps what it was made of out of other drops. Its own fault may hide its plan: then the names of its parts do.
  mutating func run(in pass: inout FeedPass) throws(FileFault) {
    reserved = [:]
    for (id, place) in pass.feed.unadopted where place == .gathering || place == .claimed { stuck.insert(id) }
    for id in stuck {
      var isThere = false
      for place in [DropPlace.gathering, .claimed] where try pass.files.info(pass.spool.path(place, id)) != nil {
        isThere = true
        reserve(id, in: place, in: &pass)
      }
      if !isThere { stuck.remove(id) }
    }
  }

  private mutating func reserve(_ id: DropID, in place: DropPlace, in pass: inout FeedPass) {
    let parts = (try? pass.files.list(pass.partsPath(place, id))) ?? []
    guard let plan = try? pass.plan(place, id) else {
      for name in parts { reserved[pass.landing.appending(name)] = Reserved(inode: nil) }
      return
    }
    // Where nothing was brought yet, landing still has it all, and the drop is given up.
    guard place == .claimed || !parts.isEmpty else { return }
    for part in plan.parts { reserved[pass.original(of: part)] = Reserved(inode: part.inode) }
  }

  /// Whether the file is part of a drop already, and may not be removed or waits.
  func isTaken(_ path: FilePath, _ info: FileInfo) -> Bool {
    if uncleared[path] == info.inode { return true }
    guard let reserved = reserved[path] else { return false }
    return reserved.inode.map { $0 == info.inode } ?? true
  }
}
