public import Core
import Files
public import SystemPackage

// What partners, applications, consumers and operators do while the program runs or is down: no crash point, no fault.
extension SimDisk {
  /// Writes a file, and the folders above it. `durable: false`: a power cut may lose it, in whole or in part, until somebody syncs.
  public mutating func put(_ path: FilePath, _ bytes: [UInt8], durable: Bool = true) throws(FileFault) {
    try makeFolder(path.parent, durable: durable)
    if let old = resolve(path) {
      // In place, as an editor would.
      nodes[old]?.data = []
      append(bytes, to: old)
    } else {
      let slot = try slot("Cannot put", path)
      let id = newNode(.file, mode: AccessMode(rawValue: 0o644))
      append(bytes, to: id)
      add(id, at: slot, SimAct("outside: create", path))
    }
    if durable { syncFromRoot(path) }
  }

  public mutating func put(_ path: FilePath, _ text: String, durable: Bool = true) throws(FileFault) {
    try put(path, Array(text.utf8), durable: durable)
  }

  /// At the end of a log that is there, or a new one.
  public mutating func append(to path: FilePath, _ text: String, durable: Bool = true) throws(FileFault) {
    guard let id = resolve(path) else { return try put(path, text, durable: durable) }
    append(Array(text.utf8), to: id)
    if durable { sync(id) }
  }

  public mutating func makeFolder(_ path: FilePath, durable: Bool = true) throws(FileFault) {
    if resolve(path) != nil { return }
    try makeFolder(path.parent, durable: durable)
    let slot = try slot("Cannot create", path)
    add(newNode(.directory, mode: AccessMode(rawValue: 0o755)), at: slot, SimAct("outside: mkdir", path))
    if durable { syncFromRoot(path) }
  }

  /// What was there; nil where there was nothing. A consumer's way of taking a file.
  @discardableResult
  public mutating func take(_ path: FilePath, durable: Bool = true) throws(FileFault) -> [UInt8]? {
    guard let id = resolve(path) else { return nil }
    let slot = try slot("Cannot take", path)
    drop(slot, id, SimAct("outside: remove", path))
    if durable { sync(slot.directory) }
    return nodes[id]?.data
  }

  /// An operator's `mv`, a logrotate.
  public mutating func rename(_ path: FilePath, to target: FilePath, durable: Bool = true) throws(FileFault) {
    let id = try require("Cannot rename", path)
    let (from, to) = (try slot("Cannot rename", path), try slot("Cannot rename", target))
    rename(from, id, to: to, mayReplace: true, SimAct("outside: rename", path, target))
    if durable {
      sync(from.directory)
      sync(to.directory)
    }
  }

  /// `copytruncate`.
  public mutating func truncate(_ path: FilePath, to size: Int = 0, durable: Bool = false) throws(FileFault) {
    let id = try require("Cannot truncate", path)
    let kept = Array((nodes[id]?.data ?? []).prefix(size))
    nodes[id]?.data = kept
    touch(id)
    if durable { sync(id) }
  }

  /// Nil where there is no such file.
  public func inode(of path: FilePath) -> UInt64? { resolve(path).map { UInt64($0) } }
  public func bytes(of inode: UInt64) -> [UInt8] { nodes[Int(inode)]?.data ?? [] }

  /// By descriptor: whatever the file is called now.
  public mutating func append(to inode: UInt64, _ text: String, durable: Bool = true) {
    append(to: inode, Array(text.utf8), durable: durable)
  }

  public mutating func append(to inode: UInt64, _ bytes: [UInt8], durable: Bool = true) {
    append(bytes, to: Int(inode))
    if durable { sync(Int(inode)) }
  }

  /// Deleted, and another file made that gets the same name and the same inode.
  public mutating func reincarnate(_ path: FilePath, _ text: String) throws(FileFault) {
    let id = try require("Cannot replace", path)
    now += 1_000_000
    nodes[id]?.data = Array(text.utf8)
    nodes[id]?.born = now
    touch(id)
    sync(id)
  }

  public mutating func makeLink(_ path: FilePath, to target: String) throws(FileFault) {
    let slot = try freeSlot("Cannot link", path)
    let id = newNode(.link, mode: AccessMode(rawValue: 0o777))
    append(Array(target.utf8), to: id)
    add(id, at: slot, SimAct("outside: link", path))
  }

  /// Nil where there is no such file.
  public func bytes(of path: FilePath) -> [UInt8]? {
    guard let id = resolve(path), nodes[id]?.kind == .file else { return nil }
    return nodes[id]?.data
  }

  public func text(of path: FilePath) -> String? { bytes(of: path).map { String(decoding: $0, as: UTF8.self) } }

  /// All files below the folder, by path.
  public func files(below folder: FilePath) -> [FilePath: [UInt8]] {
    guard let id = resolve(folder), let node = nodes[id] else { return [:] }
    var found: [FilePath: [UInt8]] = [:]
    for (name, child) in node.entries {
      let path = folder.appending(name)
      switch nodes[child]?.kind {
      case .directory: found.merge(files(below: path)) { a, _ in a }
      case .file: found[path] = nodes[child]?.data
      default: continue
      }
    }
    return found
  }

  public func names(in folder: FilePath) -> [FileName] {
    resolve(folder).flatMap { nodes[$0]?.entries.keys.sorted() } ?? []
  }

  private mutating func syncFromRoot(_ path: FilePath) {
    var node = SimDisk.root
    sync(node)
    for name in path.names {
      guard let next = nodes[node]?.entries[name] else { return }
      node = next
      sync(node)
    }
  }
}

extension SimFiles {
  public func put(_ path: FilePath, _ text: String, durable: Bool = true) throws {
    try outside { try $0.put(path, text, durable: durable) }
  }
  public func append(to path: FilePath, _ text: String, durable: Bool = true) throws {
    try outside { try $0.append(to: path, text, durable: durable) }
  }
  @discardableResult
  public func take(_ path: FilePath, durable: Bool = true) throws -> [UInt8]? {
    try outside { try $0.take(path, durable: durable) }
  }
  public func text(of path: FilePath) -> String? { snapshot.text(of: path) }
  public func files(below folder: FilePath) -> [FilePath: [UInt8]] { snapshot.files(below: folder) }
  public func setKnobs(_ body: @Sendable (inout SimKnobs) -> Void) { outside { body(&$0.knobs) } }
}
