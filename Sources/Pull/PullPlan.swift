import Config
public import Core
import Formats
import Inbound
import Ledger
import Store

// Decisions of pulling, without a store or a disk: the same list and the same memory give the same plan.

/// Which object is which file in landing. The part of a key behind the last slash of the prefix counts: a folder in it is kept where
/// the feed looks into folders; else such an object is not the feed's.
struct PullNames {
  enum Answer: Hashable {
    case path([FileName])
    /// Not the feed's: it stays where it is, and nobody hears of it.
    case ignored
    /// It would be the feed's, and can be no file. Why, as the rest of a sentence.
    case refused(String)
  }

  let prefix: String
  private let folderBytes: Int
  private let isRecursive: Bool
  private let filter: LandingFilter

  init(_ pull: FeedSettings.Pull, _ settings: FeedSettings) {
    let prefix = String(pull.prefix.drop { $0 == "/" })
    self.prefix = prefix
    let slash = prefix.utf8.lastIndex(of: UInt8(ascii: "/"))
    folderBytes = slash.map { prefix.utf8.distance(from: prefix.startIndex, to: $0) + 1 } ?? 0
    isRecursive = settings.recursive
    filter = LandingFilter(settings)
  }

  func answer(_ key: String) -> Answer {
    guard key.utf8.starts(with: prefix.utf8) else { return .ignored }
    let slash = UInt8(ascii: "/")
    let path = key.utf8.dropFirst(folderBytes).split(separator: slash, omittingEmptySubsequences: false).map {
      FileName(bytes: $0)
    }
    // Some services show a folder as an empty object whose key ends in a slash.
    guard let name = path.last, !name.bytes.isEmpty, filter.kind(of: name) != nil else { return .ignored }
    let folders = path.dropLast()
    if !folders.isEmpty, !isRecursive || folders.count > Limits.landingDepth { return .ignored }
    if let why = path.lazy.compactMap({ Self.complaint(about: $0) }).first { return .refused(why) }
    if folders.contains(where: LandingFilter.isUnfinished) { return .ignored }
    if StoreKey(listed: key) == nil {
      return .refused("its key is longer than \(Limits.keyBytes) bytes, or leads elsewhere")
    }
    return .path(path)
  }

  /// Folders below that of the prefix that are looked into.
  var depth: Int { isRecursive ? Limits.landingDepth : 0 }

  /// Whether something of the feed's may lie in a folder of the store. - Parameter key: ends in a slash, or is that of the whole.
  func mayHold(_ key: String) -> Bool {
    if key.utf8.elementsEqual(prefix.utf8) || key.utf8.elementsEqual(prefix.utf8.prefix(folderBytes)) { return true }
    guard isRecursive, key.utf8.starts(with: prefix.utf8) else { return false }
    let path = key.utf8.dropFirst(folderBytes).split(separator: UInt8(ascii: "/")).map { FileName(bytes: $0) }
    return path.count <= Limits.landingDepth && !path.contains(where: LandingFilter.isUnfinished)
  }

  private static func complaint(about name: FileName) -> String? {
    if name.bytes.isEmpty || name.bytes == [46] || name.bytes == [46, 46] {
      return "a part of its key leads elsewhere"
    }
    if name.bytes.count > Limits.nameBytes { return "its name is longer than \(Limits.nameBytes) bytes" }
    return name.plain == nil ? "its name holds control characters" : nil
  }
}

/// An object that is to be fetched.
public struct PullCandidate: Hashable, Sendable {
  public let source: DropPart.Origin
  /// Below landing.
  let path: [FileName]

  var pathText: String { path.map(\.description).joined(separator: "/") }

  /// The bound that it would be refused for after its download; nil: none. What is packed or encrypted may be a table of any size.
  func bound(_ most: UInt64) -> UInt64? {
    // Text in UTF-16 counts as UTF-8, which may have half as many bytes.
    guard source.size / 2 > most, let name = path.last else { return nil }
    let ending = name.bytes.suffix(4).map { $0 | 0x20 }
    let isPacked = [".gz", ".gpg", ".pgp", ".asc"].contains { ending.suffix($0.utf8.count).elementsEqual($0.utf8) }
    return isPacked ? nil : most
  }
}

/// What one page of a list means.
struct PullPlan: Hashable {
  var fetch: [PullCandidate] = []
  /// New to the feed, and can be no file.
  var refuse: [DropPart.Origin: String] = [:]
  /// Known as they are, and last noted as seen before `stale`; where only their size is known, each time.
  var seen: [DropPart.Origin] = []
  /// Known by a time to the minute, and told to the second now.
  var exact: [PulledRecord] = []
  /// In a store that does not say when an object is whole: seen as it is, and not for long enough.
  var settling: [DropPart.Origin] = []
}

/// - Parameters:
///   - known: by key.
///   - isAtRest: whether it has been seen as it is for long enough. Asked only of a store that gives no tags: there an object may grow
///     under its final name.
///   - stale: what was noted as seen before is noted again.
func pullPlan(
  _ page: [ListedObject], _ names: PullNames, of store: StoreName, known: [String: PulledRecord],
  isAtRest: (DropPart.Origin) -> Bool, stale: Timestamp
) -> PullPlan {
  var plan = PullPlan()
  for object in page {
    let answer = names.answer(object.key)
    if answer == .ignored { continue }
    let source = DropPart.Origin(
      store: store, key: object.key, size: object.size, tag: object.tag, modified: object.modified)
    if let record = known[object.key], record.state == .placing { continue }
    if let record = known[object.key], record.source.isSame(as: source) {
      if record.source.isCoarse {
        var exact = record
        exact.source = source
        plan.exact.append(exact)
      } else if !source.isTold || record.listedAt < stale {
        plan.seen.append(record.source)
      }
      continue
    }
    switch answer {
    case .ignored: break
    case .refused(let why): plan.refuse[source] = why
    case .path(let path) where object.tag != nil || isAtRest(source):
      plan.fetch.append(PullCandidate(source: source, path: path))
    case .path: plan.settling.append(source)
    }
  }
  return plan
}

/// Oldest first, where the store tells, so that what follows another in the store follows it in landing.
func inOrder(_ candidates: [PullCandidate], most: Int) -> [PullCandidate] {
  let sorted = candidates.sorted { a, b in
    let (first, second) = (
      a.source.modified ?? Timestamp(nanoseconds: 0), b.source.modified ?? Timestamp(nanoseconds: 0)
    )
    return first == second ? a.source.key.utf8.lexicographicallyPrecedes(b.source.key.utf8) : first < second
  }
  return Array(sorted.prefix(most))
}
