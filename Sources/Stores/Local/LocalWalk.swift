import Core
import Files
import Store
import SystemPackage

/// A walk over a folder in the order of keys, resumable after each page. It holds the names of the folders on its way only.
struct LocalWalk: Sendable {
  private struct Entry: Sendable {
    let path: FilePath
    let key: String
    let isFolder: Bool
  }

  private let prefix: String
  /// Slashes of the deepest folder that is looked into.
  private let deepest: Int
  /// What is still to come, the next one last.
  private var pending: [Entry]
  /// Folders with a fault of their own are passed over.
  private let passesOver: Bool
  /// Those that were, since they were last taken, and how many in all.
  private var barred: [(key: String, fault: FileFault)] = []
  private var barredCount = 0

  /// - Parameter depth: of folders below that of the prefix.
  init(root: FilePath, prefix: String, depth: Int = .max, passesOver: Bool = false) {
    self.prefix = prefix
    let (sum, isEndless) = Self.slashes(prefix).addingReportingOverflow(depth)
    deepest = isEndless ? .max : sum
    self.passesOver = passesOver
    pending = [Entry(path: root, key: "", isFolder: true)]
  }

  /// Empty at the end.
  mutating func page(of count: Int, _ files: any Files) throws(FileFault) -> [ListedObject] {
    var page: [ListedObject] = []
    while page.count < count, let entry = pending.popLast() {
      if entry.isFolder {
        do throws(FileFault) {
          pending += try entries(below: entry, files).reversed()
        } catch {
          guard mayPassOver(entry, error) else { throw error }
          barred.append((entry.key, error))
          barredCount += 1
        }
      } else if entry.key.hasPrefix(prefix), let info = try files.info(entry.path) {
        page.append(
          ListedObject(key: entry.key, size: info.size, tag: nil, modified: .ofFile(info.modified)))
      }
    }
    return page
  }

  mutating func takeBarred() -> [(key: String, fault: FileFault)] {
    defer { barred = [] }
    return barred
  }

  /// Not where nothing else is left, nor without end.
  private func mayPassOver(_ folder: Entry, _ fault: FileFault) -> Bool {
    passesOver && (fault.kind == .denied || fault.kind == .io) && folder.key.hasPrefix(prefix) && folder.key != prefix
      && barredCount < Limits.pullRefused
  }

  private static func slashes(_ key: String) -> Int { key.utf8.count { $0 == UInt8(ascii: "/") } }

  /// A folder's key ends in `/`, so that sorting names sorts whole keys: `a-b` comes before `a/b`.
  private func entries(below folder: Entry, _ files: any Files) throws(FileFault) -> [Entry] {
    let names: [FileName]
    do {
      names = try files.list(folder.path)
    } catch {
      // Gone since it was seen, or never made: nothing there.
      if error.kind == .missing { return [] }
      throw error
    }
    var entries: [Entry] = []
    for name in names where !LocalWork.isPart(name) {
      let path = folder.path.appending(name)
      guard let kind = try files.info(path)?.kind, kind == .file || kind == .directory else { continue }
      let key = folder.key + ListedName.component(of: name) + (kind == .directory ? "/" : "")
      if kind == .directory, Self.slashes(key) > deepest { continue }
      // A folder is entered only where something below it can have the prefix.
      guard key.hasPrefix(prefix) || (kind == .directory && prefix.hasPrefix(key)) else { continue }
      entries.append(Entry(path: path, key: key, isFolder: kind == .directory))
    }
    return entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }
}
