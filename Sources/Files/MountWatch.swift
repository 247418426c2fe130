public import Core
internal import Glibc
public import SystemPackage
internal import Threads

/// Whether what was mounted where the agent works is mounted there still. A file system that went (for a service, on its host) leaves an
/// empty folder, or one that nobody else sees any more; one that came hides what lies below it. From any thread.
public final class MountWatch: Sendable {
  /// The kernel's table; nil where it is the same as the last time, unless it was never read. One thread at a time.
  public typealias Table = @Sendable (_ wasRead: Bool) -> String?

  private struct State: Sendable {
    var mounts: Mounts?
    /// As they were when the folder was asked for first.
    var first: [FilePath: (real: FilePath, chain: [Mounts.Mount])] = [:]
    /// Folders that something is wrong with, as told last.
    var wrong: Set<FilePath> = []
  }

  private let state = Locked(State())
  private let table: Table

  public init(table: @escaping Table = MountWatch.kernel()) { self.table = table }

  /// Nil: what is mounted there is what was mounted when it was asked for first, or is again.
  /// - Parameter doing: begins the fault, as "Cannot look into".
  public func fault(at folder: FilePath, _ doing: String) -> FileFault? {
    // Asked outside of the lock: a file system that hangs must hold up nobody else.
    let real = state.withLock({ $0.first[folder] == nil }) ? Mounts.real(folder) : nil
    let change = state.withLock { state in
      update(&state)
      if let real, let mounts = state.mounts, state.first[folder] == nil {
        state.first[folder] = (real, mounts.chain(of: real))
      }
      return Self.change(of: folder, in: state)
    }
    return change.map { change in
      FileFault(.missing, doing, at: folder, why: change.why, remedy: change.remedy)
    }
  }

  /// Whether something went wrong, or right again, with a folder that was asked for.
  public func hasNews() -> Bool {
    state.withLock { state in
      update(&state)
      let wrong = Set(state.first.keys.filter { Self.change(of: $0, in: state) != nil })
      defer { state.wrong = wrong }
      return wrong != state.wrong
    }
  }

  private func update(_ state: inout State) { if let text = table(state.mounts != nil) { state.mounts = Mounts(text) } }

  private static func change(of folder: FilePath, in state: State) -> MountChange? {
    guard let mounts = state.mounts, let first = state.first[folder] else { return nil }
    return MountChange(first.chain, mounts.chain(of: first.real))
  }

  /// Read again only where the kernel says that it has changed.
  public static func kernel() -> Table {
    let file = MountTable()
    return { file?.news($0) }
  }
}

/// What became of the mounts at and above one folder.
enum MountChange: Hashable {
  /// The point. A service may see the file system still, which nobody else does.
  case gone(String)
  case came(String)

  init?(_ before: [Mounts.Mount], _ after: [Mounts.Mount]) {
    // It was the host's, and is nobody's but ours any more.
    let following = Set(before.filter(\.follows).map(\.id))
    let detached = after.filter { !$0.follows && following.contains($0.id) }
    let attached = after.filter { !detached.contains($0) }
    for point in Set(before.map(\.point)).union(after.map(\.point)).sorted(by: { $0.count < $1.count }) {
      let text = "/" + point.joined(separator: "/")
      // Where its device is mounted anew, it is the same file system.
      let lost = detached.last { $0.point == point }
      let isLost = lost.map { lost in !attached.contains { $0.device == lost.device } } ?? false
      if isLost || !after.contains(where: { $0.point == point }) {
        self = .gone(text)
        return
      }
      if attached.count(where: { $0.point == point }) > before.count(where: { $0.point == point }) {
        self = .came(text)
        return
      }
    }
    return nil
  }

  var why: String {
    switch self {
    case .gone(let point): "the file system that was mounted at \(point) is gone"
    case .came(let point): "a file system was mounted at \(point), and hides what lies below it"
    }
  }

  var remedy: String {
    switch self {
    case .gone: "Mount it again; where it is mounted and this stays, run: systemctl restart navette"
    case .came: "Run: systemctl restart navette; or unmount it"
    }
  }
}

/// The kernel's table, kept open.
private final class MountTable: Sendable {
  private let descriptor: Int32

  init?() {
    descriptor = open(Mounts.file, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  /// Nil: it is the same.
  func news(_ wasRead: Bool) -> String? {
    var one = pollfd(fd: descriptor, events: Int16(POLLPRI), revents: 0)
    _ = attempt { poll(&one, 1, 0) }
    if wasRead, one.revents & Int16(POLLPRI | POLLERR) == 0 { return nil }
    return Mounts.table(descriptor)
  }
}
