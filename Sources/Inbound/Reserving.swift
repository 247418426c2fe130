import Core
import Files
import Spool
import SystemPackage

/// What landing holds of a drop that is ours already and waits: it is not taken a second time.
struct Reserved {
  /// Of the file that the drop was made of; nil where the drop cannot be read, so that any file of the name is left alone.
  let inode: UInt64?
}

extension FeedPass {
  /// A drop that waits keeps what it was made of out of other drops. Its own fault may hide its plan: then the names of its parts do.
  mutating func reserve() throws(FileFault) {
    feed.reserved = [:]
    for (id, place) in feed.unadopted where place == .gathering || place == .claimed { feed.stuck.insert(id) }
    for id in feed.stuck {
      var isThere = false
      for place in [DropPlace.gathering, .claimed] where try files.info(spool.path(place, id)) != nil {
        isThere = true
        reserve(id, in: place)
      }
      if !isThere { feed.stuck.remove(id) }
    }
  }

  private mutating func reserve(_ id: DropID, in place: DropPlace) {
    let parts = (try? files.list(partsPath(place, id))) ?? []
    guard let plan = try? plan(place, id) else {
      for name in parts { feed.reserved[landing.appending(name)] = Reserved(inode: nil) }
      return
    }
    // Where nothing was brought yet, landing still has it all, and the drop is given up.
    guard place == .claimed || !parts.isEmpty else { return }
    for part in plan.parts { feed.reserved[original(of: part)] = Reserved(inode: part.inode) }
  }

  /// Whether the file is part of a drop already, and may not be removed or waits.
  func isTaken(_ path: FilePath, _ info: FileInfo) -> Bool {
    if feed.uncleared[path] == info.inode { return true }
    guard let reserved = feed.reserved[path] else { return false }
    return reserved.inode.map { $0 == info.inode } ?? true
  }
}
