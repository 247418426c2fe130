public import Core
public import Files
public import SystemPackage

/// The places of one lane: folders below its root, one for each state. What lies in a place is a directory with a plan in it.
///
/// - Moves are single renames and only those that `P.moves` allows; anything else is a fault in the program.
/// - Nothing is durable before it was synced by name; see `Files.sync`.
public struct Spool<P: Place>: Sendable {
  public let root: FilePath
  private let files: any Files
  private let places: [P: FilePath]

  public init(root: FilePath, files: any Files) {
    self.root = root
    self.files = files
    places = Dictionary(uniqueKeysWithValues: P.allCases.map { ($0, root.appending($0.rawValue)) })
  }

  /// Makes the places that are missing, durably.
  public func prepare() throws(FileFault) {
    for place in P.allCases { try files.ensureDirectory(path(place)) }
    // What is there may have been made by a process that was killed before it had synced it.
    let lanes = root.parent
    try files.sync(P.allCases.map { path($0) } + [root, lanes, lanes.parent])
  }

  public func path(_ place: P) -> FilePath { places[place] ?? root.appending(place.rawValue) }
  public func path(_ place: P, _ name: some CustomStringConvertible) -> FilePath {
    path(place).appending(FileName(name.description))
  }

  /// Names in the place, sorted; empty where the lane has no such place yet.
  public func entries(in place: P) throws(FileFault) -> [String] {
    do {
      return try files.list(path(place)).compactMap(\.plain)
    } catch {
      if error.kind == .missing { return [] }
      throw error
    }
  }

  /// Renames, then syncs both places: on return the moves are durable.
  public func move(_ names: [some CustomStringConvertible], from: P, to: P) throws(FileFault) {
    precondition(P.moves[from]?.contains(to) == true, "no move from \(from.rawValue) to \(to.rawValue)")
    guard !names.isEmpty else { return }
    for name in names { try files.move(path(from, name), to: path(to, name)) }
    try files.sync([path(from), path(to)])
  }

  /// Removes a directory of the place with all that is in it. What is missing is passed over, so it may be repeated.
  public func remove(_ name: some CustomStringConvertible, from place: P) throws(FileFault) {
    try files.removeTree(path(place, name))
  }

  /// Where the named thing lies now; nil where nowhere.
  public func place(of name: some CustomStringConvertible) throws(FileFault) -> P? {
    for place in P.allCases where try files.info(path(place, name)) != nil { return place }
    return nil
  }
}

extension Files {
  /// A file or a directory with all below it. Not durable before a sync of the directory that held it.
  public func removeTree(_ path: FilePath) throws(FileFault) {
    guard let info = try info(path) else { return }
    if info.kind == .directory {
      for name in try list(path) { try removeTree(path.appending(name)) }
    }
    try remove(path)
  }

  /// Bytes of all files below the path; what vanishes meanwhile counts nothing.
  public func treeBytes(_ path: FilePath) throws(FileFault) -> UInt64 {
    guard let info = try info(path) else { return 0 }
    guard info.kind == .directory else { return info.size }
    var sum: UInt64 = 0
    for name in (try? list(path)) ?? [] { sum += try treeBytes(path.appending(name)) }
    return sum
  }
}
