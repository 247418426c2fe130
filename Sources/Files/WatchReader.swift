internal import CLinux
internal import Core
internal import Glibc
internal import SystemPackage
internal import Threads

/// The inotify instance, its thread's work, and which folder is behind which watch.
final class WatchReader: Sendable {
  /// One watch serves every path that leads to its folder.
  private struct Table: Sendable {
    var paths: [Int32: Set<FilePath>] = [:]
    var watches: [FilePath: Int32] = [:]
  }

  private struct Batch {
    var changed: Set<FilePath> = []
    var overflowed = false
  }

  /// Contents closed, names come and gone, and modes changed (a file that becomes readable is news). Not every write: a log is read
  /// by the clock.
  private static let mask = UInt32(
    IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
      | IN_ONLYDIR | IN_EXCL_UNLINK)

  /// The first write to a file, or the first cut, and no other: a busy log costs no more than an idle one.
  private static let growth = UInt32(IN_MODIFY) | UInt32(IN_ONESHOT)

  private let roots: GuardedRoots
  private let inotify: Int32
  private let ending: Int32
  /// The kernel's table of mounts; below zero where nobody asks for it.
  private let mounts: Int32
  private let table = Locked(Table())
  private let onWake: @Sendable (FilePath?) -> Void
  private let onOverflow: @Sendable () -> Void
  private let onMount: (@Sendable () -> Void)?

  init?(
    roots: GuardedRoots, onWake: @escaping @Sendable (FilePath?) -> Void, onOverflow: @escaping @Sendable () -> Void,
    onMount: (@Sendable () -> Void)?
  ) {
    let inotify = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    let ending = cl_event_descriptor()
    guard inotify >= 0, ending >= 0 else {
      if inotify >= 0 { close(inotify) }
      if ending >= 0 { close(ending) }
      return nil
    }
    self.roots = roots
    (self.inotify, self.ending, self.onWake, self.onOverflow) = (inotify, ending, onWake, onOverflow)
    self.onMount = onMount
    mounts = onMount == nil ? -1 : open(Mounts.file, O_RDONLY | O_CLOEXEC)
  }

  deinit {
    close(inotify)
    close(ending)
    if mounts >= 0 { close(mounts) }
  }

  func watch(_ directory: FilePath) -> WatchOutcome {
    table.withLock { table in
      if let failure = arm(directory, Self.mask, in: &table) { return .polled(WatchReader.reason(failure)) }
      return .watching
    }
  }

  /// - Returns: whether it is watched from now on; false where it was before, or cannot be.
  func watchGrowth(of file: FilePath) -> Bool {
    table.withLock { table in table.watches[file] == nil && arm(file, Self.growth, in: &table) == nil }
  }

  /// Under the lock: the reader must not meet an event of this watch before the table knows it.
  private func arm(_ path: FilePath, _ mask: UInt32, in table: inout Table) -> Int32? {
    let (watch, failure) = path.withPlatformString { text in
      // An event only wakes: a link higher up does no harm.
      let mask = roots.root(of: text) == nil ? mask : mask | UInt32(IN_DONT_FOLLOW)
      return attempt { inotify_add_watch(inotify, text, mask) }
    }
    if let old = table.watches[path], failure != nil || old != watch { drop(path, old, from: &table) }
    if let failure { return failure }
    table.watches[path] = watch
    table.paths[watch, default: []].insert(path)
    return nil
  }

  func forget(_ directory: FilePath) {
    table.withLock { table in
      if let watch = table.watches[directory] { drop(directory, watch, from: &table) }
    }
  }

  func end() {
    var one: UInt64 = 1
    _ = attempt { write(ending, &one, 8) }
  }

  func run() {
    while let isMounts = rest(milliseconds: -1, events: true) {
      if isMounts { onMount?() }
      // Others of the same burst are on their way: one wake for all of them.
      guard rest(milliseconds: Limits.watchPause, events: false) != nil else { return }
      let batch = drain()
      if batch.overflowed {
        onOverflow()
        onWake(nil)
      }
      for directory in batch.changed { onWake(directory) }
    }
  }

  /// Nil when it is time to end; else whether the mounts have changed. Zero wake-ups while nothing happens.
  private func rest(milliseconds: Int32, events: Bool) -> Bool? {
    // poll(2) passes over what is below zero.
    var all = [
      pollfd(fd: ending, events: Int16(POLLIN), revents: 0), pollfd(fd: inotify, events: Int16(POLLIN), revents: 0),
      pollfd(fd: mounts, events: Int16(POLLPRI), revents: 0),
    ]
    _ = attempt { poll(&all, events ? 3 : 1, milliseconds) }
    return all[0].revents == 0 ? all[2].revents & Int16(POLLPRI | POLLERR) != 0 : nil
  }

  private func drain() -> Batch {
    var batch = Batch()
    withUnsafeTemporaryAllocation(byteCount: Limits.watchBytes, alignment: 8) { buffer in
      // Bounded, so that a writer faster than we are cannot keep the wakes back.
      for _ in 0..<Limits.watchReads {
        let count = attempt { read(inotify, buffer.baseAddress, buffer.count) }.result
        guard count > 0 else { return }
        note(UnsafeRawBufferPointer(rebasing: buffer[..<count]), in: &batch)
      }
    }
    return batch
  }

  /// inotify(7): each record is watch, mask, cookie and length of the name, 4 bytes each, then the name.
  private func note(_ records: UnsafeRawBufferPointer, in batch: inout Batch) {
    let gone = UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED | IN_MODIFY)
    table.withLock { table in
      var offset = 0
      while offset + 16 <= records.count {
        let watch = records.loadUnaligned(fromByteOffset: offset, as: Int32.self)
        let mask = records.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
        offset += 16 + Int(records.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { batch.overflowed = true }
        guard let paths = table.paths[watch] else { continue }
        batch.changed.formUnion(paths)
        // The watch follows the folder, not the path: what is there now has to be watched anew; a watch of a write is over with it.
        if mask & gone != 0 { for path in paths { drop(path, watch, from: &table) } }
      }
    }
  }

  private func drop(_ directory: FilePath, _ watch: Int32, from table: inout Table) {
    table.watches[directory] = nil
    table.paths[watch]?.remove(directory)
    guard table.paths[watch]?.isEmpty == true else { return }
    table.paths[watch] = nil
    // Fails where the kernel has dropped it already.
    inotify_rm_watch(inotify, watch)
  }

  private static func reason(_ code: Int32) -> String {
    switch code {
    case ENOSPC: "the user's inotify watches are used up (fs.inotify.max_user_watches)"
    case ENOENT, ENOTDIR: "no such folder"
    default: ErrnoMap.why(code)
    }
  }
}
