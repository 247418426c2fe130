public import Core
import Files
private import Glibc
public import SystemPackage

/// A disk in memory, with what is there now and what a power cut would leave. A value: copy it to keep a moment.
///
/// Names and bytes are apart, as on a real disk. A change of names (create, link, rename, remove) is one atomic operation that
/// waits until every directory it touches has been synced; until then it may or may not survive, in any order with others. A
/// file's bytes wait for a sync of the file.
public struct SimDisk: Sendable {
  struct Slot: Hashable, Sendable {
    var directory: Int
    var name: FileName
  }

  struct Node: Sendable {
    var kind: FileInfo.Kind
    var data: [UInt8] = []
    var durableData: [UInt8] = []
    var isDirty = false
    /// A truncation is one step: after a power cut the bytes up to here are there, or what was before.
    var floor = 0
    var entries: [FileName: Int] = [:]
    var durableEntries: [FileName: Int] = [:]
    var links = 1
    var mode: AccessMode
    var owner: UInt32 = 0
    var group: UInt32 = 0
    var modified: Int64
    var changed: Int64
    var born: Int64
  }

  /// One atomic change of names: a name goes, a name comes, or (rename) both.
  struct NameChange: Sendable {
    var gone: (slot: Slot, node: Int)?
    var come: (slot: Slot, node: Int)?
    var mayReplace = false
    var awaiting: Set<Int>
    var act: SimAct
    var label: String { act.description }

    var slots: [Slot] { [gone?.slot, come?.slot].compactMap(\.self) }
  }

  static let root = 1

  var nodes: [Int: Node]
  var pending: [NameChange] = []
  var nextNode = 2
  /// Nanoseconds since 1970; every change of the disk advances it by a microsecond.
  public var now: Int64 = 1_700_000_000_000_000_000
  public var knobs = SimKnobs()

  public init() {
    nodes = [
      SimDisk.root: Node(kind: .directory, mode: AccessMode(rawValue: 0o755), modified: now, changed: now, born: now)
    ]
  }
}

/// What a test can set about the machine. Survives every reboot.
public struct SimKnobs: Sendable {
  /// Each path is a mount of its own: no rename or link leads in or out, though the device is the same, as under systemd's
  /// `ReadWritePaths`.
  public var mounts: [FilePath] = []
  /// What lies here is another user's: nobody may ask for its writers, link it or change its mode.
  public var foreign: [FilePath] = []
  public var openForWriting: Set<FilePath> = []
  /// The same by inode: whatever the names of these files are.
  public var held: Set<UInt64> = []
  /// All bytes of all files. Nil: no bound.
  public var capacity: UInt64?
  public var faults: [SimInjection] = []
  /// Whether the file system tells when a file was made.
  public var tellsBirth = true
  /// What a writer adds right after each truncation.
  public var writesAfterTruncate: [UInt8]?
}

/// A fault at a chosen operation.
public struct SimInjection: Sendable {
  public var operation: SimOperation
  public var kind: FileKind
  /// Operations of this kind to let pass before.
  public var after: Int
  /// The effect happens, but the program hears of a fault.
  public var tooLate: Bool
  public var below: FilePath?

  public init(
    _ kind: FileKind, at operation: SimOperation, after: Int = 0, tooLate: Bool = false, below: FilePath? = nil
  ) {
    self.kind = kind
    self.operation = operation
    self.after = after
    self.tooLate = tooLate
    self.below = below
  }
}

public enum SimOperation: String, Hashable, Sendable, CaseIterable {
  case list, info, open, read, create, write, makeDirectory, link, copy, move, replace, sync, remove, writers, freeBytes
  case set, truncate
}

extension SimDisk {
  func resolve(_ path: FilePath) -> Int? { resolve(path.names) }

  private func resolve(_ names: some Sequence<FileName>) -> Int? {
    var node = SimDisk.root
    for name in names {
      guard let next = nodes[node]?.entries[name] else { return nil }
      node = next
    }
    return node
  }

  func require(_ what: String, _ path: FilePath) throws(FileFault) -> Int {
    guard let node = resolve(path) else { throw simFault(.missing, what, path, "No such file or directory") }
    return node
  }

  /// Where the path's last name stands or would stand.
  func slot(_ what: String, _ path: FilePath) throws(FileFault) -> Slot {
    let names = path.names
    guard let name = names.last else { throw simFault(.exists, what, path, "the root") }
    guard let parent = resolve(names.dropLast()) else {
      throw simFault(.missing, what, path, "No such file or directory")
    }
    guard nodes[parent]?.kind == .directory else { throw simFault(.missing, what, path, "Not a directory") }
    return Slot(directory: parent, name: name)
  }

  func freeSlot(_ what: String, _ path: FilePath) throws(FileFault) -> Slot {
    let slot = try slot(what, path)
    if node(at: slot) != nil { throw simFault(.exists, what, path, "File exists") }
    return slot
  }

  func node(at slot: Slot) -> Int? { nodes[slot.directory]?.entries[slot.name] }

  func mount(of path: FilePath) -> FilePath? {
    let below = SimDisk.below(path)
    return knobs.mounts.filter(below).max { $0.names.count < $1.names.count }
  }

  func isForeign(_ path: FilePath) -> Bool { knobs.foreign.contains(where: SimDisk.below(path)) }

  /// Whether the path lies at or below another. By names: in a debug build `FilePath.starts(with:)` takes most of a sweep's time.
  static func below(_ path: FilePath) -> (FilePath) -> Bool {
    let names = path.names
    return { names.starts(with: $0.names) }
  }

  var usedBytes: UInt64 { nodes.values.reduce(0) { $0 + ($1.links > 0 ? UInt64($1.data.count) : 0) } }

  func info(of id: Int) -> FileInfo? {
    guard let node = nodes[id] else { return nil }
    let folders = node.entries.values.count { nodes[$0]?.kind == .directory }
    return FileInfo(
      kind: node.kind, size: UInt64(node.data.count), device: 1, inode: UInt64(id),
      links: UInt64(node.kind == .directory ? 2 + folders : node.links), mode: node.mode, owner: node.owner,
      group: node.group, modified: node.modified, changed: node.changed,
      born: knobs.tellsBirth ? node.born : nil)
  }

  mutating func newNode(_ kind: FileInfo.Kind, mode: AccessMode) -> Int {
    defer { nextNode += 1 }
    nodes[nextNode] = Node(kind: kind, links: 0, mode: mode, modified: now, changed: now, born: now)
    return nextNode
  }

  mutating func append(_ bytes: some Collection<UInt8>, to id: Int) {
    nodes[id]?.data.append(contentsOf: bytes)
    touch(id)
  }

  mutating func cut(_ id: Int, to size: Int) {
    let kept = Array((nodes[id]?.data ?? []).prefix(size))
    nodes[id]?.data = kept
    nodes[id]?.floor = size
    touch(id)
  }

  /// The file's bytes have changed.
  mutating func touch(_ id: Int) {
    nodes[id]?.isDirty = true
    nodes[id]?.modified = now
    nodes[id]?.changed = now
  }

  mutating func perform(_ change: NameChange) {
    if let gone = change.gone {
      nodes[gone.slot.directory]?.entries[gone.slot.name] = nil
      nodes[gone.node]?.links -= 1
    }
    if let come = change.come {
      if let old = node(at: come.slot) { nodes[old]?.links -= 1 }
      nodes[come.slot.directory]?.entries[come.slot.name] = come.node
      nodes[come.node]?.links += 1
    }
    for id in [change.gone?.node, change.come?.node].compactMap(\.self) { nodes[id]?.changed = now }
    for slot in change.slots {
      nodes[slot.directory]?.modified = now
      nodes[slot.directory]?.changed = now
    }
    pending.append(change)
  }

  mutating func add(_ node: Int, at slot: Slot, _ act: SimAct) {
    perform(NameChange(come: (slot, node), awaiting: [slot.directory], act: act))
  }

  mutating func drop(_ slot: Slot, _ node: Int, _ act: SimAct) {
    perform(NameChange(gone: (slot, node), awaiting: [slot.directory], act: act))
  }

  mutating func rename(_ from: Slot, _ node: Int, to: Slot, mayReplace: Bool, _ act: SimAct) {
    perform(
      NameChange(
        gone: (from, node), come: (to, node), mayReplace: mayReplace, awaiting: [from.directory, to.directory],
        act: act))
  }
}

/// What a change was, for a failure's story: put into words only when it is told.
struct SimAct: Sendable, CustomStringConvertible {
  var verb: String
  var path: FilePath
  var target: FilePath?

  init(_ verb: String, _ path: FilePath, _ target: FilePath? = nil) {
    (self.verb, self.path, self.target) = (verb, path, target)
  }

  var description: String { "\(verb) \(path.shown)" + (target.map { " → \($0.shown)" } ?? "") }
}

func simFault(_ kind: FileKind, _ what: String, _ path: FilePath, _ why: String) -> FileFault {
  FileFault(kind, what, at: path.shown, why: why)
}
