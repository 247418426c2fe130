private import Glibc
public import SystemPackage
private import Threads

/// Somebody who exchanges two names with each other, all the time, until the last reference goes.
public final class Exchanger: Sendable {
  private let isOver = Locked(false)
  private let turns = Locked(0)
  private let thread = Locked<JoinedThread?>(nil)

  /// How often they were exchanged.
  public var count: Int { turns.withLock { $0 } }

  public init(_ one: FilePath, _ other: FilePath) throws {
    typealias Rename = @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
    guard let found = dlsym(dlopen(nil, RTLD_NOW), "renameat2") else { throw Errno(rawValue: ENOSYS) }
    let rename = unsafeBitCast(found, to: Rename.self)
    let (isOver, turns) = (isOver, turns)
    let made = JoinedThread("exchanger") {
      while !isOver.withLock({ $0 }) {
        // 2: RENAME_EXCHANGE
        if rename(AT_FDCWD, one.string, AT_FDCWD, other.string, 2) == 0 { turns.withLock { $0 += 1 } }
      }
    }
    thread.withLock { $0 = made }
  }

  deinit { stop() }

  public func stop() {
    isOver.withLock { $0 = true }
    thread.withLock { $0 }?.join()
  }
}
