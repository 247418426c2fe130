import Core
import Files
import Store
import SystemPackage
import Threads

/// What is still to come of a list.
private enum Pending {
  case object(ListedObject)
  /// `key` ends in a slash, but that of the whole. `depth`: below the one that the list began with.
  case folder(key: String, depth: Int)

  var key: String {
    switch self {
    case .object(let object): object.key
    case .folder(let key, _): key
    }
  }
}

extension SFTPStore {
  /// What a server lists is a claim: names may come twice or be none, folders may have no end. What can be used of it is told.
  /// - Parameter barred: nil: a folder that cannot be listed ends the list.
  func walk(
    _ prefix: String, depth: Int, barred: (@Sendable (BarredFolder) -> Void)?,
    _ each: @escaping @Sendable ([ListedObject]) async throws -> Void
  ) async throws {
    // Nothing above the last folder of the prefix is looked into: it may be forbidden, and large.
    let start = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
    guard root.appending(folder: start) != nil else { return }
    var pending = [Pending.folder(key: start, depth: 0)]
    var page: [ListedObject] = []
    var (folders, bars, silent) = (0, 0, 0)
    while let next = pending.popLast() {
      guard case .folder(let key, let level) = next, let folder = root.appending(folder: key) else {
        if case .object(let object) = next { page.append(object) }
        if page.count == Limits.ownPage {
          try await each(page)
          page = []
        }
        continue
      }
      folders += 1
      guard folders <= Limits.listPages, pending.count <= Limits.folderNames else {
        throw StoreFault(
          .unreachable, "Cannot list", at: client.place(root),
          why: "it has no end: \(counted(folders, "folder")) were looked into, and \(pending.count) names are left")
      }
      let may = barred != nil && key != start && bars < Limits.pullRefused
      do throws(SFTPFolderFault) {
        let found = try await contents(of: folder, mayRest: may)
        if found.unsound > 0 { barred?(BarredFolder(key: key, fault: unsound(found, folder))) }
        pending += try await below(key, found, prefix, mayDescend: level < depth).sorted {
          $1.key.utf8.lexicographicallyPrecedes($0.key.utf8)
        }.map { if case .folder(let key, _) = $0 { .folder(key: key, depth: level + 1) } else { $0 } }
      } catch {
        // One that was silent may be to blame alone; a second one, and it is the server.
        if error.isSilence { silent += 1 }
        guard may, let barred, error.isOfFolder || (error.isSilence && silent < 2) else { throw error.fault }
        bars += 1
        barred(BarredFolder(key: key, fault: error.fault))
      }
    }
    if !page.isEmpty { try await each(page) }
  }

  private func contents(of folder: FilePath, mayRest: Bool) async throws(SFTPFolderFault) -> SFTPFolder {
    if mayRest, let fault = silences.fault(of: folder, at: uptime()) {
      throw SFTPFolderFault(fault: fault, isOfFolder: true, isSilence: false)
    }
    do throws(SFTPFolderFault) {
      let found = try await client.contents(of: folder, "Cannot list")
      silences.end(folder)
      return found
    } catch {
      if mayRest, error.isSilence { silences.note(error.fault, of: folder, at: uptime()) }
      throw error
    }
  }

  private func unsound(_ found: SFTPFolder, _ folder: FilePath) -> StoreFault {
    StoreFault(
      .refused, "Cannot list", at: client.place(folder),
      why: "\(counted(found.unsound, "entry")) of the server's list can be no file, or came twice",
      remedy: "Look at the folder on the server")
  }

  private func below(
    _ key: String, _ found: SFTPFolder, _ prefix: String, mayDescend: Bool
  ) async throws(SFTPFolderFault) -> [Pending] {
    var below: [Pending] = []
    for entry in found.entries {
      let child = key + ListedName.component(of: entry.name)
      // No key leads deeper than its length; a tree may have no end.
      guard child.utf8.count <= Limits.keyBytes, !LocalWork.isPart(entry.name),
        child.hasPrefix(prefix) || prefix.hasPrefix(child + "/")
      else { continue }
      var attributes = entry.attributes
      if attributes.kind == nil || (attributes.kind == .file && attributes.size == nil) {
        guard let path = root.appending(key: child) else { continue }
        do throws(StoreFault) {
          guard let told = try await client.look(at: path, "Cannot list") else { continue }
          attributes = told
        } catch {
          throw SFTPFolderFault(fault: error, isOfFolder: false, isSilence: false)
        }
      }
      switch attributes.kind {
      case .file where child.hasPrefix(prefix):
        below.append(
          .object(ListedObject(key: child, size: attributes.size ?? 0, tag: nil, modified: attributes.modified)))
      case .folder where mayDescend: below.append(.folder(key: child + "/", depth: 0))
      default: break
      }
    }
    return below
  }
}

extension FilePath {
  /// - Parameter key: empty, or ends in a slash.
  fileprivate func appending(folder key: String) -> FilePath? { key.isEmpty ? self : appending(key: key.dropLast()) }
}

/// Folders that a server did not list although it was there: each of them costs the whole patience for a transfer, so it is not asked for
/// with each list.
final class SFTPSilences: Sendable {
  private struct Rest {
    var fault: StoreFault
    var attempts: Int
    /// Uptime.
    var until: Duration
  }
  private let rests = Locked<[FilePath: Rest]>([:])

  /// Nil where it may be asked for.
  func fault(of folder: FilePath, at uptime: Duration) -> StoreFault? {
    rests.withLock { rests in rests[folder].flatMap { uptime < $0.until ? $0.fault : nil } }
  }

  func note(_ fault: StoreFault, of folder: FilePath, at uptime: Duration) {
    rests.withLock { rests in
      guard rests[folder] != nil || rests.count < Limits.silentFolders else { return }
      let attempts = min((rests[folder]?.attempts ?? 0) + 1, 10)
      let rest = min(Limits.pullRest * (1 << (attempts - 1)), Limits.silentLongest)
      rests[folder] = Rest(fault: fault, attempts: attempts, until: uptime + rest)
    }
  }

  func end(_ folder: FilePath) { rests.withLock { $0[folder] = nil } }
}
