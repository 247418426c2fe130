import Core
import Files
import Threads

/// A file that was taken and may still be written: whoever uploads it keeps his descriptor, whatever becomes of its name.
struct TakenFile: Sendable {
  struct Growing: Sendable {
    var last: Settling.Observation
    /// Uptime.
    var restsSince: Duration
    let noticed: Timestamp
  }

  let feed: FeedName
  let drop: DropID
  /// As it was taken.
  var part: DropPart
  let file: any KeptFile
  /// As it was when nothing had come late.
  var seen: Settling.Observation
  var modified: Int64
  /// Uptime at which it was taken, and at which it is looked at next.
  var since: Duration
  var next: Duration
  /// The drop that has the whole file as it was when something had come late.
  var rest: DropID?
  /// Something came late, and comes perhaps still.
  var growing: Growing?
  /// Of it, where no name leads to it any more: only this keeps them.
  var keptBytes: UInt64 = 0

  init(_ part: DropPart, of drop: DropID, _ feed: FeedName, _ file: any KeptFile, _ info: FileInfo, at uptime: Duration)
  {
    (self.part, self.drop, self.feed, self.file) = (part, drop, feed, file)
    (seen, modified) = (Settling.Observation(info), info.modified)
    (since, next) = (uptime, uptime + Limits.takenFirstLook)
    keptBytes = info.links == 0 ? info.size : 0
  }

  var isOver: Bool { next - since > Limits.takenTime }

  /// Nothing has come: after twice the time, and a last time at the end.
  mutating func lookLater(than uptime: Duration) {
    let passed = max(uptime - since, Limits.takenFirstLook)
    next = since + (passed >= Limits.takenTime ? Limits.takenTime * 2 : min(passed * 2, Limits.takenTime))
  }
}

/// What was taken is kept open for a while, over all feeds, so that what comes late is seen and can be read. Bounded: what was taken first is
/// given up first, but nothing of which something came late. A process's own: a restart knows none of them. From any thread.
public final class TakenFiles: Sendable {
  private let all = Locked<[TakenFile]>([])

  public init() {}

  /// The same file of the same drop is not kept twice.
  func keep(_ file: TakenFile) {
    all.withLock { all in
      all.removeAll { Self.isSame($0, file) }
      all.append(file)
      Self.giveUp(&all) { $0.count > Limits.takenFiles }
      Self.giveUp(&all, where: { $0.keptBytes > 0 }) { $0.total(\.keptBytes) > Limits.takenBytes }
    }
  }

  /// Unless it was given up meanwhile.
  func update(_ file: TakenFile) {
    all.withLock { all in
      guard let index = all.firstIndex(where: { Self.isSame($0, file) }) else { return }
      if file.isOver, file.growing == nil { all.remove(at: index) } else { all[index] = file }
    }
  }

  func files(of feed: FeedName) -> [TakenFile] { all.withLock { $0.filter { $0.feed == feed } } }
  func files(of drop: DropID) -> [TakenFile] { all.withLock { $0.filter { $0.drop == drop } } }

  /// A person wants its bytes gone.
  func forget(_ drop: DropID) { all.withLock { all in all.removeAll { $0.drop == drop } } }

  /// Feeds that are configured no more.
  public func forget(except feeds: Set<FeedName>) { all.withLock { all in all.removeAll { !feeds.contains($0.feed) } } }

  func keptBytes(of feed: FeedName) -> UInt64 { files(of: feed).total(\.keptBytes) }

  /// Room is short where the feed's files lie.
  func relieve(_ feed: FeedName, to most: UInt64) {
    all.withLock { all in
      Self.giveUp(&all, where: { $0.feed == feed && $0.keptBytes > 0 }) { all in
        all.filter { $0.feed == feed }.total(\.keptBytes) > most
      }
    }
  }

  /// Room is short where we write.
  /// - Returns: whether anything was given up.
  func relieve() -> Bool {
    all.withLock { all in
      let count = all.count
      Self.giveUp(&all, where: { $0.keptBytes > 0 }) { _ in true }
      return all.count < count
    }
  }

  private static func isSame(_ one: TakenFile, _ other: TakenFile) -> Bool {
    one.drop == other.drop && one.part.name == other.part.name
  }

  /// The oldest go as long as there are too many.
  private static func giveUp(
    _ all: inout [TakenFile], where isMeant: (TakenFile) -> Bool = { _ in true }, while isTooMuch: ([TakenFile]) -> Bool
  ) {
    while isTooMuch(all), let index = all.firstIndex(where: { $0.growing == nil && isMeant($0) }) {
      all.remove(at: index)
    }
  }
}
