public import Core
public import Files
public import SystemPackage
internal import Threads

/// `Files` over a disk in memory. Each change passes the crash points just before its effect; see `CrashPoints`.
///
/// One object serves all lives of the program. Files opened in an earlier life are of no use in a later one.
public final class SimFiles: Files {
  public let points: CrashPoints
  let disk: Locked<SimDisk>

  public init(_ disk: SimDisk = SimDisk(), points: CrashPoints = CrashPoints()) {
    self.disk = Locked(disk)
    self.points = points
  }

  /// A copy of the disk as it is now.
  public var snapshot: SimDisk { disk.withLock { $0 } }

  /// The outside world acts: no crash point, no fault.
  public func outside<Result: Sendable>(_ body: @Sendable (inout SimDisk) throws -> Result) rethrows -> Result {
    try disk.withLock { disk in
      disk.now += 1_000
      return try body(&disk)
    }
  }

  /// The next life. Nil: the program was merely killed, and all it did is there, durable or not. Else the machine lost power.
  public func reboot(powerCut: Survival? = nil, killAt: Int? = nil) {
    if let powerCut { disk.withLock { $0 = $0.after(powerCut) } }
    points.begin(killAt: killAt)
  }

  // MARK: reading

  public func list(_ directory: FilePath) throws(FileFault) -> [FileName] {
    try look(.list, directory) { (disk) throws(FileFault) in
      let id = try disk.require("Cannot list", directory)
      guard let node = disk.nodes[id], node.kind == .directory else {
        throw simFault(.missing, "Cannot list", directory, "Not a directory")
      }
      return node.entries.keys.sorted()
    }
  }

  public func info(_ path: FilePath) throws(FileFault) -> FileInfo? {
    try look(.info, path) { disk in disk.resolve(path).flatMap { disk.info(of: $0) } }
  }

  public func linkTarget(of path: FilePath) throws(FileFault) -> FilePath? {
    try look(.info, path) { disk in
      guard let id = disk.resolve(path), let node = disk.nodes[id], node.kind == .link else { return nil }
      return FilePath(String(decoding: node.data, as: UTF8.self))
    }
  }

  public func open(_ path: FilePath) throws(FileFault) -> any ReadableFile {
    let id = try look(.open, path) { (disk) throws(FileFault) in try disk.regular("Cannot open", path) }
    return SimOpenFile(self, id, path)
  }

  public func keepOpen(_ path: FilePath) throws(FileFault) -> any KeptFile {
    let id = try look(.open, path) { (disk) throws(FileFault) in try disk.regular("Cannot open", path) }
    return SimOpenFile(self, id, path)
  }

  public func writers(of path: FilePath) throws(FileFault) -> Writers {
    try look(.writers, path) { (disk) throws(FileFault) in
      let id = try disk.regular("Cannot open", path)
      if disk.isForeign(path) { return .unknown }
      return disk.knobs.openForWriting.contains(path) || disk.knobs.held.contains(UInt64(id)) ? .some : .none
    }
  }

  public func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 {
    try look(.freeBytes, path) { (disk) throws(FileFault) in
      _ = try disk.require("Cannot ask for the free space at", path)
      return disk.roomBytes
    }
  }

  // MARK: changing

  public func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    let id = try change(.create, path) { (disk) throws(FileFault) in try disk.createFile(path, mode: mode) }
    return SimOpenFile(self, id, path)
  }

  public func append(to path: FilePath) throws(FileFault) -> any WritableFile {
    let id = try look(.open, path) { (disk) throws(FileFault) in try disk.regular("Cannot open", path) }
    return SimOpenFile(self, id, path)
  }

  public func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) {
    try change(.makeDirectory, path) { (disk) throws(FileFault) in
      let slot = try disk.freeSlot("Cannot create directory", path)
      disk.add(disk.newNode(.directory, mode: mode), at: slot, SimAct("mkdir", path))
    }
  }

  public func link(_ path: FilePath, as twin: FilePath) throws(FileFault) {
    try change(.link, path) { (disk) throws(FileFault) in
      let what = "Cannot link to it as"
      let id = try disk.require(what, path)
      let slot = try disk.freeSlot(what, twin)
      guard disk.nodes[id]?.kind != .directory, !disk.isForeign(path) else {
        throw simFault(.denied, what, twin, "Operation not permitted")
      }
      try disk.sameMount(path, twin, what)
      disk.add(id, at: slot, SimAct("link", path, twin))
    }
  }

  public func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault) {
    let (from, to) = try change(.copy, target) { (disk) throws(FileFault) in
      (try disk.regular("Cannot open", path), try disk.createFile(target, mode: mode))
    }
    let bytes = disk.withLock { $0.nodes[from]?.data ?? [] }
    try write(bytes[...], to: to, target)
  }

  public func move(_ path: FilePath, to target: FilePath) throws(FileFault) {
    try change(.move, path) { (disk) throws(FileFault) in
      let what = "Cannot move it to"
      let (from, id) = try disk.source(what, path, target)
      let to = try disk.freeSlot(what, target)
      try disk.sameMount(path, target, what)
      disk.rename(from, id, to: to, mayReplace: false, SimAct("move", path, target))
    }
  }

  public func replace(_ path: FilePath, with new: FilePath) throws(FileFault) {
    try change(.replace, path) { (disk) throws(FileFault) in
      let what = "Cannot move it over"
      let (from, id) = try disk.source(what, new, path)
      let to = try disk.slot(what, path)
      try disk.sameMount(path, new, what)
      if let old = disk.node(at: to) {
        // rename(2): two names of one file stay as they are.
        if old == id { return }
        guard disk.nodes[old]?.kind != .directory else { throw simFault(.io, what, path, "Is a directory") }
      }
      disk.rename(from, id, to: to, mayReplace: true, SimAct("rename", new, path))
    }
  }

  public func sync(_ paths: [FilePath]) throws(FileFault) {
    for path in paths {
      try change(.sync, path) { (disk) throws(FileFault) in
        disk.sync(try disk.require("Cannot make durable", path))
      }
    }
  }

  public func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation? {
    try change(.truncate, path) { (disk) throws(FileFault) in
      let id = try disk.regular("Cannot cut off", path)
      guard UInt64(id) == inode, let data = disk.nodes[id]?.data, UInt64(data.count) == expected else { return nil }
      disk.cut(id, to: Int(size))
      // Somebody writes right after it.
      if let late = disk.knobs.writesAfterTruncate { disk.append(late, to: id) }
      return Truncation(window: .microseconds(5), size: UInt64(disk.nodes[id]?.data.count ?? 0))
    }
  }

  public func remove(_ path: FilePath) throws(FileFault) {
    try change(.remove, path) { (disk) throws(FileFault) in
      let id = try disk.require("Cannot remove", path)
      let slot = try disk.slot("Cannot remove", path)
      guard disk.nodes[id]?.entries.isEmpty == true else {
        throw simFault(.exists, "Cannot remove directory", path, "Directory not empty")
      }
      disk.drop(slot, id, SimAct("remove", path))
    }
  }

  public func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    try change(.set, path) { (disk) throws(FileFault) in
      let id = try disk.require("Cannot set the mode of", path)
      if disk.isForeign(path) { throw simFault(.denied, "Cannot set the mode of", path, "Operation not permitted") }
      disk.nodes[id]?.mode = mode
      if let owner { disk.nodes[id]?.owner = owner }
      if let group { disk.nodes[id]?.group = group }
      disk.nodes[id]?.changed = disk.now
    }
  }
}

// MARK: gates

extension SimFiles {
  fileprivate func look<Result: Sendable>(
    _ operation: SimOperation, _ path: FilePath, _ body: (SimDisk) throws(FileFault) -> Result
  ) throws(FileFault) -> Result {
    guard points.isAlive else { throw dead(operation, path) }
    return try disk.withLock { (disk) throws(FileFault) in
      try SimFiles.fail(disk.injected(operation, path), operation, path)
      return try body(disk)
    }
  }

  fileprivate func change<Result: Sendable>(
    _ operation: SimOperation, _ path: FilePath, _ body: (inout SimDisk) throws(FileFault) -> Result
  ) throws(FileFault) -> Result {
    guard points.step("\(operation.rawValue) \(path.shown)") else { throw dead(operation, path) }
    return try disk.withLock { (disk) throws(FileFault) in
      disk.now += 1_000
      let fault = disk.injected(operation, path)
      if fault?.tooLate != true { try SimFiles.fail(fault, operation, path) }
      let result = try body(&disk)
      try SimFiles.fail(fault, operation, path)
      return result
    }
  }

  /// In two halves, so that a kill can fall between them.
  fileprivate func write(_ bytes: ArraySlice<UInt8>, to id: Int, _ path: FilePath) throws(FileFault) {
    let middle = bytes.startIndex + bytes.count / 2
    for half in [bytes[..<middle], bytes[middle...]] where !half.isEmpty {
      try change(.write, path) { (disk) throws(FileFault) in
        let room = disk.roomBytes
        disk.append(half.prefix(Int(clamping: room)), to: id)
        if room < UInt64(half.count) { throw simFault(.full, "Cannot write", path, "No space left on device") }
      }
    }
  }

  private func dead(_ operation: SimOperation, _ path: FilePath) -> FileFault {
    FileFault(.io, "Killed before \(operation.rawValue)", at: path)
  }

  private static func fail(
    _ fault: SimInjection?, _ operation: SimOperation, _ path: FilePath
  ) throws(FileFault) {
    if let fault {
      throw FileFault(fault.kind, "Cannot \(operation.rawValue)", at: path, why: "as the test wants it")
    }
  }
}

/// A file that the program has open. It stays readable when its name goes.
private final class SimOpenFile: KeptFile, WritableFile {
  private let files: SimFiles
  private let id: Int
  private let path: FilePath
  private let life: Int

  init(_ files: SimFiles, _ id: Int, _ path: FilePath) {
    (self.files, self.id, self.path, life) = (files, id, path, files.points.life)
  }

  func info() throws(FileFault) -> FileInfo {
    try ofThisLife()
    return try files.look(.info, path) { (disk) throws(FileFault) in
      guard let info = disk.info(of: id) else { throw simFault(.io, "Cannot examine", path, "Bad file descriptor") }
      return info
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) -> Int {
    try ofThisLife()
    let bytes = try files.look(.read, path) { disk in
      (disk.nodes[id]?.data ?? []).dropFirst(Int(clamping: offset)).prefix(buffer.count)
    }
    buffer.copyBytes(from: bytes)
    return bytes.count
  }

  func writers() throws(FileFault) -> Writers {
    try ofThisLife()
    return try files.look(.writers, path) { disk in
      if disk.isForeign(path) { return .unknown }
      return disk.knobs.openForWriting.contains(path) || disk.knobs.held.contains(UInt64(id)) ? .some : .none
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    try ofThisLife()
    try files.write(Array(bytes)[...], to: id, path)
  }

  private func ofThisLife() throws(FileFault) {
    if files.points.life != life { throw simFault(.io, "Cannot use", path, "opened in an earlier life") }
  }
}

extension SimDisk {
  fileprivate var roomBytes: UInt64 {
    let capacity = knobs.capacity ?? 1 << 40
    return capacity - min(capacity, usedBytes)
  }

  fileprivate func regular(_ what: String, _ path: FilePath) throws(FileFault) -> Int {
    let id = try require(what, path)
    let kind = nodes[id]?.kind
    // Of a link the kernel says ELOOP.
    guard kind == .file else { throw simFault(kind == .link ? .io : .damaged, what, path, "not a regular file") }
    return id
  }

  fileprivate mutating func createFile(_ path: FilePath, mode: AccessMode) throws(FileFault) -> Int {
    let slot = try freeSlot("Cannot create", path)
    let id = newNode(.file, mode: mode)
    add(id, at: slot, SimAct("create", path))
    return id
  }

  fileprivate func source(
    _ what: String, _ path: FilePath, _ target: FilePath
  ) throws(FileFault) -> (Slot, Int) {
    let id = try require(what, path)
    if nodes[id]?.kind == .directory, target != path, SimDisk.below(target)(path) {
      throw simFault(.io, what, target, "Invalid argument")
    }
    return (try slot(what, path), id)
  }

  fileprivate func sameMount(_ a: FilePath, _ b: FilePath, _ what: String) throws(FileFault) {
    if !knobs.mounts.isEmpty, mount(of: a) != mount(of: b) {
      throw simFault(.crossDevice, what, b, "Invalid cross-device link (EXDEV)")
    }
  }

  /// The fault that is due at this operation, if one is.
  fileprivate mutating func injected(_ operation: SimOperation, _ path: FilePath) -> SimInjection? {
    var due: SimInjection?
    for index in knobs.faults.indices.reversed() {
      let fault = knobs.faults[index]
      guard fault.operation == operation, fault.below.map(SimDisk.below(path)) ?? true else { continue }
      if fault.after == 0 {
        due = fault
        knobs.faults.remove(at: index)
      } else {
        knobs.faults[index].after -= 1
      }
    }
    return due
  }
}
