import Core
import Files
import Journal
import Lanes
import Spool
import SystemPackage

enum FeedItem: Hashable, Sendable {
  /// Below landing.
  case folder(FilePath)
  /// In landing.
  case file(FilePath)
  case drop(DropID)
}

extension FeedPass {
  /// One item's step. Its own fault makes it wait, and nothing else.
  /// - Throws: faults of the ledger, `LaneFault`, and what says nothing of the item.
  mutating func each<Value>(
    _ item: FeedItem, _ body: (inout Self) throws -> ItemOutcome<Value>
  ) throws -> ItemOutcome<Value> {
    if feed.waits.isPostponed(item, at: now.uptime) {
      if let next = feed.waits.next { summary.look(at: max(next, now.uptime)) }
      return waiting(item)
    }
    do {
      let outcome = try body(&self)
      hasProgress = true
      return outcome
    } catch let fault as FileFault where fault.kind != .exhausted {
      try postpone(item, fault)
      return waiting(item)
    }
  }

  /// What it waits for.
  func waiting<Value>(_ item: FeedItem) -> ItemOutcome<Value> {
    guard let wait = feed.waits.waits[item] else { return .gone }
    return .waits(until: wait.until, why: wait.reason)
  }

  /// - Throws: `LaneFault` where so many fail that it is not their fault.
  mutating func postpone(_ item: FeedItem, _ fault: FileFault) throws {
    failures += 1
    if failures >= ItemWaits<FeedItem>.tooMany, !hasProgress { throw LaneFault(fault: fault) }
    if feed.waits.postpone(item, fault, at: now) { tell(item, fault) }
    if let next = feed.waits.next { summary.look(at: max(next, now.uptime)) }
  }

  private func tell(_ item: FeedItem, _ fault: FileFault) {
    let why = fault.description
    var fields: [Event.Field: String] = [.feed: settings.name.text, .reason: "\(fault.kind)"]
    switch item {
    case .folder(let path), .file(let path): fields[.path] = masked(path).shown
    case .drop(let id): fields[.drop] = id.description
    }
    // The consumer's disk is not ours.
    let isOurDisk = fault.kind == .full && !fault.isBelow(handover)
    host.events.record(
      isOurDisk ? .diskLow : .dropWaiting, "\(name(of: item)) of feed \(settings.name) waits: \(why)", fields)
  }

  func name(of item: FeedItem) -> String {
    switch item {
    case .folder(let path): "The folder \(below(path))"
    case .file(let path): below(path)
    case .drop(let id): "Drop \(id)"
    }
  }

  /// As people know it: below landing.
  private func below(_ path: FilePath) -> String {
    path.names.dropFirst(landing.names.count).map(\.masked).joined(separator: "/")
  }

  private func masked(_ path: FilePath) -> FilePath {
    path.name.map { path.parent.appending(FileName($0.masked)) } ?? path
  }
}
