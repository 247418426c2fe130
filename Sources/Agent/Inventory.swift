public import Config
public import Core
import Files
public import Ledger
import Spool
import SystemPackage

/// What the ledger and the places say of drops and batches, for the commands that list and show.
public struct Inventory {
  public struct Drop: Sendable, Encodable {
    public let id: String
    public let feed: String
    /// The place it lies in; nil where it was swept.
    public let state: String?
    public let names: [String]
    public let bytes: UInt64
    public let rows: Int?
    public let seenAt: String
    public let outcome: String?
    public let handedOverAt: String?
    /// Why it is held or in quarantine; the first of its reasons, and how many there are.
    public let reason: Reason?
    public let reasons: Int
    enum CodingKeys: String, CodingKey {
      case id, feed, state, names, bytes, rows, seenAt = "seen_at", outcome, handedOverAt = "handed_over_at", reason
      case reasons
    }
  }

  public struct Batch: Sendable, Encodable {
    public let id: String
    public let stream: String
    public let state: String?
    public let key: String
    public let rows: Int
    public let bytes: UInt64
    public let compressedBytes: UInt64
    public let sha256: String
    public let sealedAt: String
    public let deliveredAt: String?
    enum CodingKeys: String, CodingKey {
      case id, stream, state, key, rows, bytes, compressedBytes = "compressed_bytes", sha256, sealedAt = "sealed_at"
      case deliveredAt = "delivered_at"
    }
  }

  public struct Story: Sendable, Encodable {
    public let schema = 1
    public fileprivate(set) var facts: [(String, String)] = []
    public fileprivate(set) var reasons: [Reason] = []
    public fileprivate(set) var history: [HistoryLine] = []

    enum CodingKeys: String, CodingKey { case schema, facts, reasons, history }
    public func encode(to encoder: any Encoder) throws {
      var to = encoder.container(keyedBy: CodingKeys.self)
      try to.encode(schema, forKey: .schema)
      try to.encode(Dictionary(facts, uniquingKeysWith: { a, _ in a }), forKey: .facts)
      try to.encode(reasons, forKey: .reasons)
      try to.encode(history, forKey: .history)
    }
  }

  /// The state of a batch whose folder was taken away before it was sent.
  private static let missing = "missing"

  private let state: StateFolder
  private let files: LinuxFiles
  private let ledger: Ledger?

  /// - Throws: `Failure` where the state folder cannot be read.
  public init(_ settings: Settings) throws {
    state = StateFolder(settings.state)
    files = LinuxFiles(settings)
    do {
      try StateOwnership.becomeOwner(of: state, files)
      ledger = try files.info(state.ledger) == nil ? nil : LedgerKeeper.reader(state, files)
    } catch let fault as FileFault {
      throw Failure(fault)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    }
  }

  public func drops(in place: DropPlace?, since: Timestamp?) throws -> [Drop] {
    let records = try read { (t) throws(LedgerFault) in try t.drops(of: nil, since: since) } ?? []
    return try records.compactMap { record in
      let now = try self.place(of: record)
      guard place == nil || now == place else { return nil }
      let reasons = [.held, .quarantine, .damaged].contains(now) ? self.reasons(record, in: now) : []
      return Drop(
        id: record.id.description, feed: record.feed.text, state: now?.rawValue, names: record.names,
        bytes: record.bytes,
        rows: record.rows, seenAt: record.seenAt.iso(), outcome: record.outcome?.rawValue,
        handedOverAt: record.handedOverAt?.iso(), reason: reasons.first, reasons: reasons.count)
    }
  }

  private func reasons(_ record: DropRecord, in place: DropPlace?) -> [Reason] {
    guard let place else { return [] }
    let drop = state.feed(record.feed).appending(place.rawValue).appending(record.id.description)
    return (try? files.readPlan([Reason].self, at: drop.appending(DropPlan.reasonsName))) ?? []
  }

  /// Why a batch is in `damaged`.
  private func reasons(_ record: BatchRecord) -> [Reason] {
    let path = spool(of: record).path(.damaged, record.id).appending(DropPlan.reasonsName)
    return (try? files.readPlan([Reason].self, at: path)) ?? []
  }

  public func batches(in place: BatchPlace?, since: Timestamp?) throws -> [Batch] {
    let records = try read { (t) throws(LedgerFault) in try t.batches(of: nil, since: since) } ?? []
    return try records.compactMap { record in
      let now = try self.place(of: record)
      let isMissing = try now == nil && self.isMissing(record)
      guard place == nil || now == place || isMissing && place == .held else { return nil }
      return Batch(
        id: record.id.description, stream: record.id.stream.text, state: isMissing ? Self.missing : now?.rawValue,
        key: record.key,
        rows: record.rows,
        bytes: record.bytes, compressedBytes: record.compressedBytes, sha256: record.sha256.description,
        sealedAt: record.sealedAt.iso(), deliveredAt: record.deliveredAt?.iso())
    }
  }

  /// - Throws: `Failure` where nothing of that name is known.
  public func story(of id: String) throws -> Story {
    var story = Story()
    if let drop = DropID(id), let record = try read({ (t) throws(LedgerFault) in try t.drop(drop) }) ?? nil {
      let place = try place(of: record)
      story.facts = [
        ("drop", id), ("feed", record.feed.text), ("state", place?.rawValue ?? "swept"),
        ("files", record.names.joined(separator: " ")),
        ("bytes", "\(record.bytes)"), ("rows", record.rows.map(String.init) ?? "-"), ("seen", record.seenAt.iso()),
        ("outcome", record.outcome?.rawValue ?? "-"), ("handed over", record.handedOverAt?.iso() ?? "-"),
      ]
      story.reasons = reasons(record, in: place)
    } else if let batch = BatchID(id), let record = try read({ (t) throws(LedgerFault) in try t.batch(batch) }) ?? nil {
      story.facts = [
        ("batch", id), ("stream", batch.stream.text),
        ("state", try place(of: record)?.rawValue ?? (isMissing(record) ? Self.missing : "swept")),
        ("key", record.key),
        ("rows", "\(record.rows)"), ("bytes", "\(record.bytes)"), ("compressed bytes", "\(record.compressedBytes)"),
        ("sha256", record.sha256.description), ("sealed", record.sealedAt.iso()),
        ("delivered", record.deliveredAt?.iso() ?? "-"),
      ]
      story.reasons = reasons(record)
      for delivery in try read({ (t) throws(LedgerFault) in try t.deliveries(of: batch) }) ?? [] {
        let refused = delivery.refusedAt.map { "refused \($0.iso())" }
        let outcome =
          delivery.confirmedAt.map { "confirmed \($0.iso())" } ?? refused ?? "next try \(delivery.nextAt.iso())"
        let fault = delivery.fault.map { "; last refusal: \($0)" } ?? ""
        story.facts.append(("store \(delivery.store)", "\(outcome), attempts \(delivery.attempts)\(fault)"))
      }
    } else {
      throw Failure(.findings, "Nothing is known of \(id). `navette drops` and `navette batches` list what is")
    }
    story.history = try read { (t) throws(LedgerFault) in try t.history(of: id) } ?? []
    return story
  }

  private func place(of record: DropRecord) throws -> DropPlace? {
    try Spool<DropPlace>(root: state.feed(record.feed), files: files).place(of: record.id)
  }

  private func place(of record: BatchRecord) throws -> BatchPlace? { try spool(of: record).place(of: record.id) }
  private func isMissing(_ record: BatchRecord) throws -> Bool {
    try record.isOpen && spool(of: record).isNowhere(record.id)
  }
  private func spool(of record: BatchRecord) -> Spool<BatchPlace> {
    Spool(root: state.stream(record.id.stream), files: files)
  }

  private func read<R: Sendable>(_ body: (Transaction) throws(LedgerFault) -> R) throws -> R? {
    do throws(LedgerFault) {
      return try ledger?.read(body)
    } catch {
      throw Failure(error)
    }
  }
}
