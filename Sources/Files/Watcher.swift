internal import CLinux
internal import Core
public import SystemPackage
internal import Threads

public enum WatchOutcome: Hashable, Sendable {
  case watching
  /// No events will come, for this reason; only regular looks will find what changes there.
  case polled(String)
}

/// Says that something may have changed in a folder, so that a pass comes soon. It wakes, and no more: an event can be lost, come
/// twice or come late, and nobody may conclude from it what has happened.
///
/// One thread, asleep in the kernel while nothing happens. After the first event it waits 2 ms and takes the whole queue, so a burst
/// of files costs a few wakes per folder. Both closures run on that thread: keep them short, or the kernel's queue overflows.
public final class Watcher: Sendable {
  private let reader: WatchReader?
  private let thread: JoinedThread?
  private let isStopped = Locked(false)

  /// - Parameters:
  ///   - guarded: folders below which no link is watched.
  ///   - onWake: with nil: look everywhere.
  ///   - onOverflow: the kernel dropped events; a wake with nil follows.
  ///   - onMount: something was mounted somewhere, or unmounted.
  public init(
    guarded: [FilePath] = [], onWake: @escaping @Sendable (FilePath?) -> Void,
    onOverflow: @escaping @Sendable () -> Void, onMount: (@Sendable () -> Void)? = nil
  ) {
    let reader = WatchReader(roots: GuardedRoots(guarded), onWake: onWake, onOverflow: onOverflow, onMount: onMount)
    thread = reader.flatMap { reader in JoinedThread("navette-inotify") { reader.run() } }
    self.reader = thread == nil ? nil : reader
  }

  deinit { stop() }

  /// May be repeated, and should be at every pass: where another folder has taken the path since, that one is watched from now on.
  /// Watch first and look afterwards, or what comes in between is missed.
  public func watch(_ directory: FilePath) -> WatchOutcome {
    guard let reader else {
      return .polled("no inotify instance is left (fs.inotify.max_user_instances), or no thread")
    }
    if let type = FileSystem.type(at: directory), type.isRemote {
      reader.forget(directory)
      return .polled("\(type.name) does not report changes")
    }
    return reader.watch(directory)
  }

  /// The next write to the file wakes, once. Look at the file afterwards: what came before is not told.
  /// - Returns: whether that is new; false where it was asked for before, or no event will come.
  public func watchGrowth(of file: FilePath) -> Bool {
    guard let reader, FileSystem.type(at: file)?.isRemote == false else { return false }
    return reader.watchGrowth(of: file)
  }

  public func unwatch(_ directory: FilePath) { reader?.forget(directory) }

  /// No closure runs after it returns, unless it is called from one.
  public func stop() {
    guard let reader else { return }
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    reader.end()
    // The last reference may go away inside a closure: a thread cannot wait for itself.
    thread?.join()
  }
}
