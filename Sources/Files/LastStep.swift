internal import CLinux
internal import Core
internal import Glibc
internal import SystemPackage

/// Folders to which others may write. Below them no link is followed: whoever owns a folder there may exchange it for a link between any
/// two calls, and would have the agent take, hand over and remove what is not his. A link on the way to them is their operator's own.
struct GuardedRoots: Sendable {
  /// Without a slash at the end, the longest first.
  private let roots: [[CChar]]

  init(_ roots: [FilePath]) {
    let texts = Set(roots).map { root in
      root.withPlatformString { text in Array(UnsafeBufferPointer(start: text, count: strlen(text))) }
    }
    let slash = CChar(bitPattern: UInt8(ascii: "/"))
    self.roots = texts.map { $0 == [slash] ? [] : $0 }.sorted { $0.count > $1.count }
  }

  /// The length of the root below which the path lies; nil where there is none. The path of a root itself lies below none.
  func root(of path: UnsafePointer<CChar>) -> Int? {
    let slash = CChar(bitPattern: UInt8(ascii: "/"))
    for root in roots where strncmp(path, root, root.count) == 0 {
      switch path[root.count] {
      case 0: return nil
      case slash: return path[root.count + 1] == 0 ? nil : root.count
      default: continue
      }
    }
    return nil
  }
}

/// Where the last step of a path is done: by which name, in which open folder. Held as long as the step takes.
struct LastStep: ~Copyable {
  let path: FilePath
  /// Below a guarded root: the last component is followed no more than the others.
  let isGuarded: Bool
  private let folder: Int32
  private let name: Int

  /// The kernel's own way.
  init(_ path: FilePath) {
    self.path = path
    (isGuarded, folder, name) = (false, AT_FDCWD, 0)
  }

  /// - Parameter what: begins the fault where the path leads nowhere.
  init(_ what: @autoclosure () -> String, _ path: FilePath, _ roots: GuardedRoots) throws(FileFault) {
    self.path = path
    var step = cl_step(folder: AT_FDCWD, name: 0)
    let (root, failure) = path.withPlatformString { text -> (Int?, Int32?) in
      guard let root = roots.root(of: text) else { return (nil, nil) }
      return (root, attempt { cl_walk(text, root, &step) }.failure)
    }
    if failure == ELOOP { throw LastStep.link(what(), path, "a folder in this path is a symbolic link") }
    if let failure { throw FileFault(errno: failure, what(), path) }
    (isGuarded, folder, name) = (root != nil, step.folder, step.name)
  }

  deinit { if folder >= 0 { close(folder) } }

  borrowing func attempted<Result: SignedInteger>(
    _ call: (_ folder: Int32, _ name: UnsafePointer<CChar>) -> Result
  ) -> (result: Result, failure: Int32?) {
    path.withPlatformString { text in attempt { call(folder, text + name) } }
  }

  @discardableResult
  borrowing func demand<Result: SignedInteger>(
    _ what: String, _ call: (_ folder: Int32, _ name: UnsafePointer<CChar>) -> Result
  ) throws(FileFault) -> Result {
    let (result, failure) = attempted(call)
    if let failure { throw fault(failure, what) }
    return result
  }

  borrowing func fault(_ failure: Int32, _ what: String) -> FileFault {
    if isGuarded, failure == ELOOP { return LastStep.link(what, path, "this is a symbolic link") }
    return FileFault(errno: failure, what, path)
  }

  /// Denied, not broken: it is nobody's but the sender's that it cannot be read.
  private static func link(_ what: String, _ path: FilePath, _ why: String) -> FileFault {
    FileFault(
      .denied, what, at: path, why: "\(why); links are not followed here",
      remedy: "Remove the link, and put a real folder or file in its place")
  }

  /// One call that has both ends; nil where it worked out.
  static func both(
    _ one: borrowing LastStep, _ other: borrowing LastStep,
    _ call: (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>) -> Int32
  ) -> Int32? {
    let (a, b) = (one.folder, other.folder)
    let (aName, bName) = (one.name, other.name)
    return one.path.withPlatformString { from in
      other.path.withPlatformString { to in attempt { call(a, from + aName, b, to + bName) }.failure }
    }
  }
}
