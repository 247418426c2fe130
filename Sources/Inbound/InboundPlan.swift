import Config
import Core
import Formats
import Ledger

// Decisions of the inbound lane, without a disk: the same view gives the same plan.

/// More than the feed takes, as its length alone tells: of text that is neither packed nor encrypted.
func isTooLarge(_ size: UInt64, _ kind: Sniff, _ settings: FeedSettings) -> Bool {
  let isPacked = kind == .gzip && settings.format.type != .opaque
  guard !isPacked, kind != .pgp || settings.decrypt == nil && settings.format.type == .opaque else { return false }
  // UTF-8 has at least half as many bytes as UTF-16.
  return (settings.format.encoding == .utf16 ? size / 2 : size) > settings.require.maxBytes
}

/// What was found in one part.
struct PartFinding {
  let part: DropPart
  var inspection: Inspection
}

/// - Parameters:
///   - incomplete: what the drop lacks.
///   - override: what a person lets pass.
func judge(
  _ findings: [PartFinding], incomplete: [Reason] = [], _ require: FeedSettings.Require, _ override: Override?
) -> Verdict {
  var reasons = incomplete
  var doubts: [Reason] = []
  for finding in findings {
    let name = finding.part.name
    if finding.inspection.rawBytes != finding.part.size {
      doubts.append(Reason(.changedInFlight, "It is not as long as it was in landing", part: name))
    }
    reasons += finding.inspection.reasons.map { $0.of(name) }
    doubts += finding.inspection.doubtful.map { $0.of(name) }
  }
  if let override {
    reasons.removeAll { override.lets($0.code) }
    doubts.removeAll { override.lets($0.code) }
  }
  let isEmpty = reasons.allSatisfy { $0.code == .empty || $0.code == .headerOnly }
  if isEmpty, let first = reasons.first {
    switch require.empty {
    case .quarantine: return .quarantined(listed(reasons + doubts))
    case .archive: return .archived(first)
    case .deliver where findings.isEmpty: return .archived(first)
    case .deliver: reasons = []
    }
  }
  if !reasons.isEmpty { return .quarantined(listed(reasons + doubts)) }
  if findings.isEmpty { return .confirmed }
  return doubts.isEmpty ? .accepted : .held(listed(doubts))
}

/// At most `Limits.reasons`, and beyond them the first of each kind that would be left out: a release lets pass what is listed.
func listed(_ reasons: [Reason]) -> [Reason] {
  let first = reasons.prefix(Limits.reasons)
  var codes = Set(first.map(\.code))
  return first + reasons.dropFirst(Limits.reasons).filter { codes.insert($0.code).inserted }
}

extension Verdict {
  /// The same with what was found since.
  func adding(_ more: [Reason]) -> Verdict {
    if more.isEmpty { return self }
    return switch self {
    case .accepted: .held(listed(more))
    case .held(let reasons): .held(listed(reasons + more))
    case .quarantined(let reasons): .quarantined(listed(reasons + more))
    case .archived, .duplicate, .confirmed: self
    }
  }
}

/// Zero bytes, or a header alone, in all of its parts; nil where there is more. Three conditions are told apart: these two, and no
/// drop at all.
func emptiness(of findings: [PartFinding], incomplete: [Reason]) -> Reason.Code? {
  let reasons = incomplete + findings.flatMap(\.inspection.reasons)
  let isEmpty = findings.allSatisfy { finding in
    finding.inspection.reasons.contains { $0.code == .empty || $0.code == .headerOnly }
  }
  guard isEmpty, reasons.allSatisfy({ $0.code == .empty || $0.code == .headerOnly }) else { return nil }
  return reasons.contains { $0.code == .headerOnly } ? .headerOnly : reasons.first?.code
}

/// The names of the columns are never told. A custom one may mean the status, too: then nothing is said.
func lacksMembershipStatus(_ finding: PartFinding) -> Bool {
  guard DropName(finding.part.name).segment != nil, let header = finding.inspection.header else { return false }
  return !header.contains { $0.lowercased().contains("status") }
}

/// As much of an accepted drop as the next one is compared with.
struct Baseline: Hashable {
  var shape: Digest?
  var rows: Int?

  init(_ pair: (shape: Digest?, rows: Int?)) { (shape, rows) = pair }
}

func shape(of inspection: Inspection) -> Digest {
  DigestHasher.digest(of: inspection.headerDigest.bytes + [inspection.delimiter ?? 0])
}

/// Why a drop is too unlike the last one to go without a person's word.
func drift(of plan: DropPlan, from last: Baseline?, _ require: FeedSettings.Require) -> [Reason] {
  var doubts: [Reason] = []
  if require.rememberColumns {
    if plan.shape == nil, plan.data.count > 1 {
      doubts.append(Reason(.columnsChanged, "The parts differ in their header or delimiter"))
    } else if let before = last?.shape, plan.shape != before {
      doubts.append(
        Reason(.columnsChanged, "Header or delimiter differ from the last accepted drop's; \(AEPCauses.columns)"))
    }
  }
  if let share = require.rowChange, let before = last?.rows, before > 0, let rows = plan.rows,
    abs(rows - before) * 100 > share * before
  {
    doubts.append(
      Reason(
        .rowsChanged,
        "\(counted(rows, "row")); the last accepted drop had \(before), and more than \(share)% is a jump; "
          + (rows < before ? AEPCauses.fewerRows : AEPCauses.moreRows)))
  }
  return doubts
}

extension Reason {
  fileprivate func of(_ part: FileName) -> Reason {
    var copy = self
    copy.part = part
    return copy
  }
}

/// One digest for the content of a drop, whatever its parts are called and however they were packed, marked or encrypted; nil before
/// the checks.
func contentDigest(_ plan: DropPlan) -> Digest? { digest(of: plan) { $0.text ?? $0.clear?.sha256 ?? $0.sha256 } }

/// The same, and behind it what version 0.1 kept of it, which saw no further than the packing.
func contentDigests(_ plan: DropPlan) -> [Digest] {
  let digests = [contentDigest(plan), digest(of: plan) { $0.clear?.sha256 ?? $0.sha256 }].compactMap { $0 }
  return digests.first == digests.last ? Array(digests.prefix(1)) : digests
}

private func digest(of plan: DropPlan, _ ofPart: (DropPart) -> Digest?) -> Digest? {
  let digests = plan.data.compactMap(ofPart)
  guard digests.count == plan.data.count, let first = digests.first else { return nil }
  return digests.count == 1 ? first : DigestHasher.digest(of: digests.flatMap(\.bytes))
}

/// `x-2.csv`, `x-2.csv.gz`: the name that comes next where `x.csv` is taken. At most 255 bytes: a longer stem is cut.
func numbered(_ name: FileName, _ number: Int) -> FileName {
  let dot = UInt8(ascii: ".")
  var split = name.bytes.lastIndex(of: dot).flatMap { $0 > 0 ? $0 : nil } ?? name.bytes.count
  let packings = ["gz", "bz2", "zip", "gpg", "pgp"].map { Array($0.utf8) }
  if split < name.bytes.count, packings.contains(Array(name.bytes[(split + 1)...])),
    let inner = name.bytes[..<split].lastIndex(of: dot), inner > 0
  {
    split = inner
  }
  let tail = Array("-\(number)".utf8) + name.bytes[split...]
  var stem = name.bytes[..<split].prefix(max(1, Limits.nameBytes - tail.count))
  // Not in the middle of a character.
  while stem.count > 1, stem.count < split, name.bytes[stem.count] & 0xc0 == 0x80 { stem.removeLast() }
  return FileName(bytes: stem + tail)
}

/// What lies in a place, as far as sweeping must know.
struct KeptDrop: Hashable {
  let id: DropID
  /// When it came to its place.
  let since: Timestamp
  let bytes: UInt64
}

/// What one look at a place finds: how much lies there, and the oldest of it, which are the first to go. They go in as they are read
/// from the disk; at most twice `limit` are held.
struct KeptDrops {
  let limit: Int
  private var oldest: [KeptDrop] = []
  private var bytes: UInt64 = 0

  init(limit: Int = Limits.sweepLook) { self.limit = limit }

  mutating func add(_ drop: KeptDrop) {
    bytes +|= drop.bytes
    oldest.append(drop)
    if oldest.count >= 2 * limit { cut() }
  }

  private mutating func cut() {
    oldest.sort { ($0.since, $0.id) < ($1.since, $1.id) }
    oldest.removeSubrange(min(limit, oldest.count)...)
  }

  /// Which drops lose their data, oldest first: at most `limit`, so there may be more where it is that many.
  /// - Parameter maxBytes: nil: no bound. What is younger than a day is kept all the same: a person may be looking at it.
  mutating func sweepable(keep: Duration, maxBytes: UInt64?, at now: Timestamp) -> [KeptDrop] {
    cut()
    var left = bytes
    var swept: [KeptDrop] = []
    for drop in oldest {
      let isOld = now - drop.since > keep
      let isTooMuch = maxBytes.map { left > $0 && now - drop.since > Limits.youngest } ?? false
      guard isOld || isTooMuch else { continue }
      swept.append(drop)
      left = left -| drop.bytes
    }
    return swept
  }
}
