import Core
import Files
import Ledger
import SystemPackage

/// Why records of a log were not read, or may not have been.
public enum GapReason: String, Hashable, Sendable {
  /// The log is gone, and so much of it was known and unread.
  case vanished
  /// The log was gone when it was looked for again: what was known of it is sent, and what was written since, if anything, is not.
  case outOfSight = "out_of_sight"
  /// The log was packed before it was read to its end, and what was made of it cannot be read now.
  case packed
  case recordTooLarge = "record_too_large"
  case hole

  /// Those by which records are missing.
  public static let lost: Set<String> = Set([vanished, outOfSight, packed].map(\.rawValue))
}

/// What of logs that are gone was never read: told, and remembered.
struct GapReporting {
  /// Uptime of the last look of this life.
  private var lastLook: Duration?

  /// What a look leaves to be told.
  struct Found {
    let known: [SourceRecord]
    let logs: FoundLogs
    let listing: LogListing
    /// By source, as they were when last looked at in this life.
    let sizes: [SourceID: UInt64]
    /// Of which nothing can have been missed.
    let complete: Set<SourceID>
  }

  /// - Returns: what is to be noted, in the transaction that notes what else was found.
  mutating func run(_ found: Found, _ progress: LogProgress, in pass: StreamPass) throws
    -> [GapRecord]
  {
    let isBlind = lastLook.map { pass.now.uptime - $0 > Limits.blindAfter } ?? true
    lastLook = pass.now.uptime
    var gaps = found.logs.vanished.compactMap {
      gap(of: $0, found, isBlind: isBlind, progress, pass)
    }
    for (record, fault) in found.logs.unreached where !found.complete.contains(record.id) {
      guard let fault else { continue }
      let unread = record.size -| max(record.cursor, header(of: record, progress))
      guard unread > 0 || found.listing.mayGrow(record) else { continue }
      let isTold = try pass.ledger.read { (t) throws(LedgerFault) in
        try t.gaps.knows(record.id, of: pass.name, reason: GapReason.packed.rawValue)
      }
      if isTold { continue }
      gaps.append(
        self.gap(
          record, .packed, unread, pass,
          "was packed before it was read to its end, and at least \(counted(unread, "byte")) of it cannot be read now. \(fault)"
        ))
    }
    return gaps
  }

  func tell(_ gaps: [GapRecord], in pass: StreamPass) {
    for gap in gaps {
      pass.report(
        .sourceGap, "A log of stream \(gap.stream) \(gap.detail)",
        [.path: gap.path, .bytes: "\(gap.bytes)", .reason: gap.reason])
    }
  }

  /// A source is gone. What of it was never read, or may not have been.
  private func gap(
    of record: SourceRecord, _ found: Found, isBlind: Bool, _ progress: LogProgress,
    _ pass: StreamPass
  ) -> GapRecord? {
    let copy = found.logs.copies[record.id]
    // How the line of a remembered header ended is not known.
    let doubt: UInt64 = progress.headerEnd(of: record.id) == nil ? 1 : 0
    let size = found.sizes[record.id] ?? record.size
    let read = max(record.cursor, header(of: record, progress), copy ?? 0)
    if size > read +| doubt, progress.exhaustedSize(of: record.id) != size,
      !found.complete.contains(record.id)
    {
      // What an earlier life saw of it may have grown since.
      let least = found.sizes[record.id] == nil ? "at least " : ""
      let kin = found.logs.unreadable.first { found.listing.areKin($0.path, FilePath(record.path)) }
      let why = kin.map { ". \($0.fault)" } ?? ""
      return gap(
        record, .vanished, size - read, pass,
        "vanished or was rewritten with \(least)\(counted(size - read, "byte")) unread\(why)")
    }
    guard isBlind, copy == nil, !found.complete.contains(record.id), mayHaveGrown(record, found)
    else { return nil }
    let since = (record.cursorAt ?? record.seenAt).iso()
    let kin = found.logs.unreadable.first { found.listing.areKin($0.path, FilePath(record.path)) }
    let why = kin.map { ". \($0.fault)" } ?? ""
    return gap(
      record, .outOfSight, 0, pass,
      "was gone when it was looked for: what was known of it is sent, and what may have been written to it since \(since) is not\(why)"
    )
  }

  /// Whether its writer may have added to it after it was last seen.
  private func mayHaveGrown(_ record: SourceRecord, _ found: Found) -> Bool {
    // Of what a plan alone has told it is not known what it was when last seen.
    guard record.size >= record.cursor, found.listing.mayGrow(record) else { return false }
    // Emptied, by us or by others: an earlier life may have done that and not have come to note it.
    if found.listing.rotation == .copytruncate,
      found.logs.logs.contains(where: { FileKey($0.record.identity) == FileKey(record.identity) })
    {
      return false
    }
    // Another log of its kind had taken its place by then, under a name of its own.
    return !found.known.contains { other in
      other.seenAt > record.seenAt && other.path != record.path && found.listing.mayGrow(other)
        && RotatedName.areKin(FilePath(other.path), FilePath(record.path))
    }
  }

  private func header(of record: SourceRecord, _ progress: LogProgress) -> UInt64 {
    progress.headerEnd(of: record.id) ?? record.header.map { UInt64($0.count + 1) } ?? 0
  }

  private func gap(
    _ record: SourceRecord, _ reason: GapReason, _ bytes: UInt64, _ pass: StreamPass,
    _ detail: String
  ) -> GapRecord {
    GapRecord(
      stream: pass.name, source: record.id, reason: reason.rawValue, at: pass.now.wall,
      path: record.path, bytes: bytes,
      since: record.cursorAt ?? record.seenAt, detail: detail)
  }
}
