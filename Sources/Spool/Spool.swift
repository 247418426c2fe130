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
    places = Dictionary(uniqueKeysWithValues: P.allCases.map { ($0, root.appending(FileName($0.rawValue))) })
  }

  /// Makes the places that are missing, durably.
  public func prepare() throws(FileFault) {
    for place in P.allCases { try files.ensureDirectory(path(place)) }
    // What is there may have been made by a process that was killed before it had synced it.
    let lanes = root.parent
    try files.sync(P.allCases.map { path($0) } + [root, lanes, lanes.parent])
  }

  public func path(_ place: P) -> FilePath { places[place] ?? root.appending(FileName(place.rawValue)) }
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

  /// The same names a few at a time and in no order, for places that may hold more than memory should. `body` may change and remove
  /// what it is told of; false from it ends the walk.
  /// - Throws: faults of the disk, and whatever `body` throws.
  public func eachSlice(
    in place: P, of size: Int, _ body: ([String]) throws -> Bool
  ) throws {
    var slice: [String] = []
    var ended: Result<Void, any Error>?
    func end(_ result: Result<Void, any Error>) -> FileFault {
      ended = result
      return FileFault(.io, "Cannot go on listing", at: path(place).shown, why: "it was ended")
    }
    func give() throws(FileFault) {
      defer { slice.removeAll(keepingCapacity: true) }
      do {
        if try body(slice) { return }
      } catch {
        throw end(.failure(error))
      }
      throw end(.success(()))
    }
    do {
      try files.eachName(in: path(place)) { (name) throws(FileFault) in
        guard let text = name.plain else { return }
        slice.append(text)
        if slice.count == size { try give() }
      }
      if !slice.isEmpty { try give() }
    } catch {
      if let ended { return try ended.get() }
      if error.kind != .missing { throw error }
    }
  }

  /// How many names lie in the place.
  public func count(in place: P) throws(FileFault) -> Int {
    var count = 0
    do {
      try files.eachName(in: path(place)) { (name) throws(FileFault) in count += name.plain == nil ? 0 : 1 }
    } catch {
      if error.kind != .missing { throw error }
    }
    return count
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

  /// Looked for twice: what is moved back at that moment, from `held` to `ready`, could be passed over once.
  public func isNowhere(_ name: some CustomStringConvertible) throws(FileFault) -> Bool {
    for _ in 0..<2 where try place(of: name) != nil { return false }
    return true
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
