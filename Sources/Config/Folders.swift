import SystemPackage

/// A folder that the configuration names, and what it is for.
struct Folder {
  enum Role { case state, landing, handover, store, log }
  var role: Role
  /// The key that names it.
  var key: String
  var path: FilePath
  /// Files of others there are replaced.
  var replaces = false

  /// Every folder of the settings; the state folder first.
  static func all(of settings: Settings) -> [Folder] {
    var folders = [Folder(role: .state, key: "state", path: settings.state)]
    for store in settings.stores {
      if case .folder(let path) = store.target {
        folders.append(Folder(role: .store, key: "stores.\(store.name).url", path: path))
      }
    }
    for feed in settings.feeds {
      folders.append(Folder(role: .landing, key: "feeds.\(feed.name).landing", path: feed.landing))
      folders.append(
        Folder(
          role: .handover, key: "feeds.\(feed.name).handover", path: feed.handover, replaces: feed.collision == .replace
        ))
    }
    for stream in settings.streams {
      for (index, log) in stream.logs.enumerated() {
        let path = FilePath(log).removingLastComponent()
        folders.append(Folder(role: .log, key: "streams.\(stream.name).logs[\(index)]", path: path))
      }
      for (index, path) in stream.olddir.enumerated() {
        folders.append(
          Folder(role: .log, key: "streams.\(stream.name).olddir[\(index)]", path: path))
      }
    }
    return folders
  }

  /// Why the second folder may not lie where it does, as the rest of a sentence that begins with its key; nil where it may.
  static func conflict(_ first: Folder, _ second: Folder) -> String? {
    let same = first.path == second.path
    let inside = !same && second.path.starts(with: first.path)
    let around = !same && first.path.starts(with: second.path)
    guard same || inside || around else { return nil }
    let place = same ? "is the same folder as" : inside ? "lies inside the folder of" : "lies around the folder of"
    switch (first.role, second.role) {
    case (.state, .log): return around ? nil : "logs in the state folder: this \(place) \(first.key)"
    case (_, .log):
      return around || first.role == .log ? nil : "logs among files that are not logs: this \(place) \(first.key)"
    case (.state, _): return "the state folder belongs to navette alone: this \(place) \(first.key)"
    case (.landing, .landing): return same ? "two feeds cannot share a folder: this \(place) \(first.key)" : nil
    case (.handover, .handover):
      return same && (first.replaces || second.replaces)
        ? "with collision: replace, one feed would replace what the other hands over: this \(place) \(first.key)" : nil
    case (.store, .store): return nil
    default: return "what lies in one would be taken for the other's: this \(place) \(first.key)"
    }
  }
}
