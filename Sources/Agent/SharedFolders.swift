import Config
import Files
import SystemPackage

extension Settings {
  /// The folders to which others may write, for `LinuxFiles`. Of two that lie one in the other the outer one counts: who may write to it
  /// may exchange the inner one. The agent looks at nothing deeper in a log folder; where others of its folders lie below one, they
  /// stand for themselves.
  var sharedFolders: [FilePath] {
    let folders = feeds.flatMap { [$0.landing, $0.handover] } + stores.flatMap(\.sharedFolders)
    let outer = folders.filter { folder in
      !folders.contains { $0 != folder && folder.starts(with: $0) }
    }
    let logs = streams.flatMap { $0.logs.map { FilePath($0).parent } + $0.olddir }
    return outer + logs.filter { log in !(folders + [state]).contains { $0.starts(with: log) } }
  }
}

extension StoreSettings {
  var sharedFolders: [FilePath] { if case .folder(let root) = target { [root] } else { [] } }
}

extension LinuxFiles {
  /// For whatever touches the folders of this configuration.
  init(_ settings: Settings, progress: @escaping @Sendable () -> Void = {}) {
    self.init(guarded: settings.sharedFolders, progress: progress)
  }
}
