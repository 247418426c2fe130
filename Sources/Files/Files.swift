public import Core
public import SystemPackage

/// The single door to the disk. `LinuxFiles` in production, `SimFiles` in tests; one conformance suite holds both to these words.
///
/// Nothing is durable before `sync` has named it: a file's bytes by its path, a name by its directory. Every call is synchronous
/// and may block. Faults carry the path and the kernel's reason.
public protocol Files: Sendable {
  /// Names in the directory, sorted by bytes, without `.` and `..`. `.missing` where there is no such directory.
  func list(_ directory: FilePath) throws(FileFault) -> [FileName]

  /// The same names, in no order and without holding them all; `body` may look at them.
  func eachName(in directory: FilePath, _ body: (FileName) throws(FileFault) -> Void) throws(FileFault)

  /// Of the thing itself, not of what a link points to. Nil where there is nothing.
  func info(_ path: FilePath) throws(FileFault) -> FileInfo?

  /// What a symbolic link says, as it stands there; nil where the path is none.
  func linkTarget(of path: FilePath) throws(FileFault) -> FilePath?

  /// For reading. Follows no link in the last component; `.damaged` where it is a folder, a pipe or a device.
  func open(_ path: FilePath) throws(FileFault) -> any ReadableFile

  /// The same, to be kept open from pass to pass: what becomes of its name does not matter, and its bytes stay for as long.
  func keepOpen(_ path: FilePath) throws(FileFault) -> any KeptFile

  /// A new, empty file. `.exists` where the name is taken.
  func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile

  /// What is written goes behind what the file holds. Follows no link in the last component; `.missing` where there is none, `.damaged` where it
  /// is no regular file.
  func append(to path: FilePath) throws(FileFault) -> any WritableFile

  /// `.exists` where the name is taken.
  func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault)

  /// A second name for a file. `.denied` where the kernel protects other people's files, `.crossDevice` between mounts.
  func link(_ path: FilePath, as twin: FilePath) throws(FileFault)

  /// A new file with the same bytes; shares blocks where the file system can. `.exists` where the target's name is taken. On a
  /// fault the target may be there, in part.
  func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault)

  /// One rename, file or directory; `.exists` where the target's name is taken, `.crossDevice` between mounts.
  func move(_ path: FilePath, to target: FilePath) throws(FileFault)

  /// One rename that may replace a file.
  func replace(_ path: FilePath, with new: FilePath) throws(FileFault)

  /// All durable on return: bytes of files, names in directories.
  func sync(_ paths: [FilePath]) throws(FileFault)

  /// Cuts the file off at `size`, if it still is the file `inode` and `expected` bytes long as seen through the descriptor that cuts.
  /// What another process adds between that look and the cut is lost: the window is a few microseconds, and is measured. Not
  /// durable before a sync of the path.
  /// - Returns: nil, and nothing done, where it is another file or another size.
  func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation?

  /// A file, a link, or an empty directory. `.missing` where there is nothing.
  func remove(_ path: FilePath) throws(FileFault)

  /// Whether any process has the file open for writing.
  func writers(of path: FilePath) throws(FileFault) -> Writers

  /// On the file system that holds the path.
  func freeBytes(at path: FilePath) throws(FileFault) -> UInt64

  func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault)

  /// Whether this process may make, rename and remove names in the directory. What cannot be told counts as yes, a link that is not
  /// followed as no.
  func mayWrite(in directory: FilePath) -> Bool
}

/// An open file. Closed when the last reference goes. One thread at a time.
public protocol ReadableFile: AnyObject {
  func info() throws(FileFault) -> FileInfo
  /// Bytes read, 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) -> Int
  /// The first byte from there on that lies on the disk: what is before it was never written, and is zero. Nil: nothing more does.
  func nextData(from offset: UInt64) -> UInt64?
}

/// A file that is kept open. From any thread.
public protocol KeptFile: ReadableFile, Sendable {
  /// As `Files.writers`, whatever the file is called now.
  func writers() throws(FileFault) -> Writers
}

extension ReadableFile {
  /// Where nobody can tell, all of it.
  public func nextData(from offset: UInt64) -> UInt64? { offset }
}

/// A file being written from its beginning. Closed when the last reference goes; not durable before `Files.sync`.
public protocol WritableFile: AnyObject {
  /// All bytes, or a fault.
  func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault)
  func info() throws(FileFault) -> FileInfo
}

public struct Truncation: Hashable, Sendable {
  /// Between the last look at the size and the cut.
  public let window: Duration
  /// Right after it: larger than asked for where somebody has written since.
  public let size: UInt64

  public init(window: Duration, size: UInt64) {
    self.window = window
    self.size = size
  }
}

/// Not called `AccessMode`: swift-system has a type of that name.
public struct AccessMode: RawRepresentable, Hashable, Sendable, Codable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue & 0o7777 }
  /// What the state folder holds is personal data: nothing in it is world-reachable.
  public static let stateFile = AccessMode(rawValue: 0o640)
  public static let stateDirectory = AccessMode(rawValue: 0o750)
}

public enum Writers: Hashable, Sendable {
  case none, some
  /// The file is another user's and we may not ask: only rest in size and ctime can tell.
  case unknown
}

public struct FileInfo: Hashable, Sendable {
  public enum Kind: Hashable, Sendable { case file, directory, link, other }
  public var kind: Kind
  public var size: UInt64
  public var device: UInt64
  public var inode: UInt64
  public var links: UInt64
  public var mode: AccessMode
  public var owner: UInt32
  public var group: UInt32
  /// Nanoseconds since 1970.
  public var modified: Int64
  public var changed: Int64
  /// Nil where the file system does not tell.
  public var born: Int64?

  public init(
    kind: Kind, size: UInt64, device: UInt64, inode: UInt64, links: UInt64, mode: AccessMode, owner: UInt32,
    group: UInt32,
    modified: Int64, changed: Int64, born: Int64?
  ) {
    self.kind = kind
    self.size = size
    self.device = device
    self.inode = inode
    self.links = links
    self.mode = mode
    self.owner = owner
    self.group = group
    self.modified = modified
    self.changed = changed
    self.born = born
  }
}

extension Files {
  public func mayWrite(in directory: FilePath) -> Bool { true }

  public func eachName(
    in directory: FilePath, _ body: (FileName) throws(FileFault) -> Void
  ) throws(FileFault) {
    for name in try list(directory) { try body(name) }
  }

  /// A small file, whole. `.missing` where there is none; `.damaged` where it is larger than `limit`.
  public func contents(of path: FilePath, limit: Int) throws(FileFault) -> [UInt8] {
    let file = try open(path)
    let size = try file.info().size
    guard size <= UInt64(limit) else {
      throw FileFault(
        .damaged, "Cannot read", at: path, why: "\(counted(size, "byte")), at most \(limit) expected")
    }
    var bytes = [UInt8](repeating: 0, count: Int(size))
    var filled = 0
    while filled < bytes.count {
      let count = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(FileFault) in
        try file.read(
          into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...]),
          at: UInt64(filled))
      }
      if count == 0 { break }
      filled += count
    }
    return Array(bytes.prefix(filled))
  }

  /// Writes a small file under a temporary name beside it and renames it into place. Durable after `sync` of `path` and its
  /// directory; until then the old contents or the new are found, never a mixture.
  public func write(_ bytes: [UInt8], to path: FilePath, mode: AccessMode = .stateFile) throws(FileFault) {
    try write([(bytes, path)], mode: mode)
  }

  /// Several of them, with one barrier for all: a sync for each would cost more than all else that is done with a small drop.
  /// - Parameter others: made durable by the same barrier, before any of the new contents can be found.
  public func write(
    _ all: [(bytes: [UInt8], path: FilePath)], mode: AccessMode = .stateFile, with others: [FilePath] = []
  ) throws(FileFault) {
    for (bytes, path) in all {
      let temporary = path.appendingToName(".tmp")
      let file: any WritableFile
      do {
        file = try create(temporary, mode: mode)
      } catch {
        // Of a process that was killed.
        guard error.kind == .exists else { throw error }
        try remove(temporary)
        file = try create(temporary, mode: mode)
      }
      try bytes.withUnsafeBufferPointer { (raw) throws(FileFault) in try file.write(UnsafeRawBufferPointer(raw)) }
    }
    let paths = others + all.map { $0.path.appendingToName(".tmp") }
    if !paths.isEmpty { try sync(paths) }
    for (_, path) in all { try replace(path, with: path.appendingToName(".tmp")) }
  }

  /// Makes the directory and what leads to it, durably; what is there already is left alone.
  public func ensureDirectory(_ path: FilePath, mode: AccessMode = .stateDirectory) throws(FileFault) {
    if try info(path) != nil { return }
    let parent = path.parent
    if !parent.isEmpty, parent != path { try ensureDirectory(parent, mode: mode) }
    do { try makeDirectory(path, mode: mode) } catch { if error.kind != .exists { throw error } }
    try sync([path, parent])
  }
}
