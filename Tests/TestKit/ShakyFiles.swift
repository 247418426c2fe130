public import Core
public import Files
public import SystemPackage
internal import Threads

/// A disk on which any call may fail: `trouble` is asked before each one, and throws what the caller is to get. What it lets through
/// happens.
public final class ShakyFiles: Files {
  public typealias Trouble = @Sendable (_ call: String) throws(FileFault) -> Void

  private let base: any Files
  private let trouble: Trouble

  public init(_ base: any Files, trouble: @escaping Trouble) { (self.base, self.trouble) = (base, trouble) }

  /// Fails now and then, the same way for the same seed.
  public static func io(_ base: any Files, seed: UInt64, oneIn: UInt64) -> ShakyFiles {
    let state = Locked(seed)
    return ShakyFiles(base) { (call) throws(FileFault) in
      let number = state.withLock { state in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
      }
      if number % oneIn == 0 { throw FileFault(.io, "Cannot \(call)", at: "a shaky disk", why: "as the test asked") }
    }
  }

  /// The first such call behind the first other one fails.
  public static func failing(_ call: String, after other: String, _ base: any Files) -> ShakyFiles {
    let state = Locked((isNear: false, isOver: false))
    return ShakyFiles(base) { (made) throws(FileFault) in
      let fails = state.withLock { state in
        if made == other { state.isNear = true }
        guard made == call, state.isNear, !state.isOver else { return false }
        state.isOver = true
        return true
      }
      if fails { throw FileFault(.io, "Cannot \(call)", at: "a shaky disk", why: "as the test asked") }
    }
  }

  public func list(_ directory: FilePath) throws(FileFault) -> [FileName] {
    try trouble("list")
    return try base.list(directory)
  }

  public func linkTarget(of path: FilePath) throws(FileFault) -> FilePath? {
    try trouble("info")
    return try base.linkTarget(of: path)
  }

  public func info(_ path: FilePath) throws(FileFault) -> FileInfo? {
    try trouble("info")
    return try base.info(path)
  }

  public func open(_ path: FilePath) throws(FileFault) -> any ReadableFile {
    try trouble("open")
    return ShakyReadableFile(try base.open(path), trouble)
  }

  public func keepOpen(_ path: FilePath) throws(FileFault) -> any KeptFile {
    try trouble("open")
    return try base.keepOpen(path)
  }

  public func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    try trouble("create")
    return ShakyWritableFile(try base.create(path, mode: mode), trouble)
  }

  public func append(to path: FilePath) throws(FileFault) -> any WritableFile {
    try trouble("append")
    return ShakyWritableFile(try base.append(to: path), trouble)
  }

  public func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) {
    try trouble("makeDirectory")
    try base.makeDirectory(path, mode: mode)
  }

  public func link(_ path: FilePath, as twin: FilePath) throws(FileFault) {
    try trouble("link")
    try base.link(path, as: twin)
  }

  public func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault) {
    try trouble("copy")
    try base.copy(path, to: target, mode: mode)
  }

  public func move(_ path: FilePath, to target: FilePath) throws(FileFault) {
    try trouble("move")
    try base.move(path, to: target)
  }

  public func replace(_ path: FilePath, with new: FilePath) throws(FileFault) {
    try trouble("replace")
    try base.replace(path, with: new)
  }

  public func sync(_ paths: [FilePath]) throws(FileFault) {
    try trouble("sync")
    try base.sync(paths)
  }

  public func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation? {
    try trouble("truncate")
    return try base.truncate(path, to: size, inode: inode, expected: expected)
  }

  public func remove(_ path: FilePath) throws(FileFault) {
    try trouble("remove")
    try base.remove(path)
  }

  public func writers(of path: FilePath) throws(FileFault) -> Writers {
    try trouble("writers")
    return try base.writers(of: path)
  }

  public func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 {
    try trouble("freeBytes")
    return try base.freeBytes(at: path)
  }

  public func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    try trouble("set")
    try base.set(mode: mode, owner: owner, group: group, of: path)
  }
}

private final class ShakyWritableFile: WritableFile {
  private let base: any WritableFile
  private let trouble: ShakyFiles.Trouble

  init(_ base: any WritableFile, _ trouble: @escaping ShakyFiles.Trouble) {
    (self.base, self.trouble) = (base, trouble)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    try trouble("write")
    try base.write(bytes)
  }

  func info() throws(FileFault) -> FileInfo { try base.info() }
}

private final class ShakyReadableFile: ReadableFile {
  private let base: any ReadableFile
  private let trouble: ShakyFiles.Trouble

  init(_ base: any ReadableFile, _ trouble: @escaping ShakyFiles.Trouble) {
    (self.base, self.trouble) = (base, trouble)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) -> Int {
    try trouble("read")
    return try base.read(into: buffer, at: offset)
  }

  func info() throws(FileFault) -> FileInfo { try base.info() }
}
