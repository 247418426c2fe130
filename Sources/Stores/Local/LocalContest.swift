import Core
import Files
public import Store
import SystemPackage

extension LocalStore {
  public func contend(_ file: StoredFile, at key: StoreKey, inParts: Bool) async throws(StoreFault) -> Contest? {
    if inParts { return nil }
    let work = work("Cannot copy to", key)
    return try await writing.run { () throws(StoreFault) in try work.contend(file) }
  }
}

extension LocalWork {
  /// Each one writes a file of its own, so that the rename alone decides, which is what two agents with one key would have. A probe need not
  /// outlive anything: nothing is synced.
  func contend(_ file: StoredFile) throws(StoreFault) -> Contest {
    try asking { () throws(FileFault) in
      try begin()
      _ = try makeFolders()
      let own = folder.appending(LocalWork.partName(of: "\(name).\(file.sha256.description.prefix(12))"))
      try clear(own)
      do throws(FileFault) {
        try files.copy(file.path, to: own, mode: .stateFile)
        try files.move(own, to: target)
      } catch {
        do throws(FileFault) { try clear(own) } catch {}
        guard error.kind == .exists else { throw error }
        return .lost
      }
      return .won
    }
  }

  private func clear(_ path: FilePath) throws(FileFault) {
    do throws(FileFault) { try files.remove(path) } catch { if error.kind != .missing { throw error } }
  }
}
