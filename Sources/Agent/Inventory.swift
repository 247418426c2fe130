public import Config
public import Core
import Files
import Inbound
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
  /// Of one whose object was deleted on request: what is left lies in `delivered`, sent or not.
  private static let purged = "purged"

  private let state: StateFolder
  private let files: LinuxFiles
  private let ledger: Ledger?

  /// - Throws: `Failure` where the state folder cannot be read.
  public init(_ settings: Settings) throws {
    state = StateFolder(settings.state)
    files = LinuxFiles(settings)
    do {
      try StateOwnership.becomeOwner(of: state, files)
      _ = try StateForm.read(state, files)
      ledger = try files.info(state.ledger) == nil ? nil : LedgerKeeper.reader(state, files)
    } catch let fault as FileFault {
      throw Failure(fault)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    }
  }

  /// - Parameters:
  ///   - place: those that lie there, looked for there: what waits for a person is found quickly, however much the ledger knows.
  ///   - limit: so many of those that were seen last.
  /// - Returns: in the order in which they were seen; and whether there are more.
  public func drops(in place: DropPlace?, since: Timestamp?, limit: Int) throws -> (drops: [Drop], hasMore: Bool) {
    var records: [DropRecord] = []
    if let place {
      let ids = try listed(state.feeds) { (name) throws(FileFault) -> [(id: DropID, feed: FeedName)] in
        guard let feed = FeedName(name) else { return [] }
        return try spool(of: feed).entries(in: place).compactMap { DropID($0) }.map { (id: $0, feed: feed) }
      }
      .filter { one in since.map { one.id.description >= $0.compact } ?? true }.sorted { $0.id < $1.id }
      for one in ids.suffix(limit +| 1) {
        guard let record = try record(of: one.id, one.feed, in: place) else { continue }
        if since.map({ record.seenAt >= $0 }) ?? true { records.append(record) }
      }
      records.sort { ($0.seenAt, $0.id) < ($1.seenAt, $1.id) }
    } else {
      records = try read(DropTable.list(since:limit:), since, limit +| 1) ?? []
    }
    return (try records.suffix(limit).map { try drop($0, in: place ?? self.place(of: $0)) }, records.count > limit)
  }

  private func drop(_ record: DropRecord, in place: DropPlace?) throws -> Drop {
    let reasons = [.held, .quarantine, .damaged].contains(place) ? self.reasons(record, in: place) : []
    return Drop(
      id: record.id.description, feed: record.feed.text, state: place?.rawValue, names: record.names,
      bytes: record.bytes, rows: record.rows, seenAt: record.seenAt.iso(), outcome: record.outcome?.rawValue,
      handedOverAt: record.handedOverAt?.iso(), reason: reasons.first, reasons: reasons.count)
  }

  /// What the ledger knows of it, or, where it does not, its plan. Nil: neither, as of what has only begun to come.
  private func record(of id: DropID, _ feed: FeedName, in place: DropPlace) throws -> DropRecord? {
    if let known = try read(DropTable.find(_:), id) ?? nil { return known }
    let path = state.feed(feed).appending(place.rawValue).appending(id.description).appending(DropPlan.fileName)
    guard let plan = try? files.readPlan(DropPlan.self, at: path) else { return nil }
    return DropRecord(plan)
  }

  /// What the folders of lanes below a folder hold.
  private func listed<Item>(
    _ lanes: FilePath, _ items: (String) throws(FileFault) -> [Item]
  ) throws -> [Item] {
    do throws(FileFault) {
      guard try files.info(lanes) != nil else { return [] }
      var found: [Item] = []
      for name in try files.list(lanes).compactMap(\.plain) { found += try items(name) }
      return found
    } catch {
      throw Failure(error)
    }
  }

  private func reasons(_ record: DropRecord, in place: DropPlace?) -> [Reason] {
    guard let place else { return [] }
    let drop = state.feed(record.feed).appending(place.rawValue).appending(record.id.description)
    return (try? files.readPlan([Reason].self, at: drop.appending(DropPlan.reasonsName))) ?? []
  }

  /// Why a batch is in `damaged`, or in `held` for another reason than a store's.
  private func reasons(_ record: BatchRecord) -> [Reason] {
    for place in [BatchPlace.damaged, .held] {
      let path = spool(of: record).path(place, record.id).appending(DropPlan.reasonsName)
      if let known = try? files.readPlan([Reason].self, at: path) { return known }
    }
    return []
  }

  /// - Parameters:
  ///   - place: those that lie there; in `held` also those that should be sent and lie nowhere.
  ///   - limit: so many of those that were sealed last.
  /// - Returns: by stream and number; and whether there are more.
  public func batches(in place: BatchPlace?, since: Timestamp?, limit: Int) throws -> (batches: [Batch], hasMore: Bool)
  {
    guard let place else {
      let records = try read(BatchTable.list(since:limit:), since, limit +| 1) ?? []
      let oldest = records.count > limit ? records.min { ($0.sealedAt, $0.id) < ($1.sealedAt, $1.id) }?.id : nil
      return (try records.filter { $0.id != oldest }.map { try batch($0, in: self.place(of: $0)) }, oldest != nil)
    }
    let ids = try listed(state.streams) { (name) throws(FileFault) -> [BatchID] in
      guard let stream = StreamName(name) else { return [] }
      let spool = Spool<BatchPlace>(root: state.stream(stream), files: files)
      return try spool.entries(in: place).compactMap { BatchID($0) }.filter { $0.stream == stream }
    }
    var records: [(BatchRecord, BatchPlace?)] = []
    for id in ids {
      let record = try read(BatchTable.find(_:), id) ?? nil
      if let record { records.append((record, place)) }
    }
    if place == .held {
      let open = try read(BatchTable.open) ?? []
      records += try open.filter { try isMissing($0) }.map { ($0, nil) }
    }
    let wanted = records.filter { record in since.map { record.0.sealedAt >= $0 } ?? true }
      .sorted { ($0.0.sealedAt, $0.0.id) < ($1.0.sealedAt, $1.0.id) }
    let last = wanted.suffix(limit).sorted { $0.0.id < $1.0.id }
    return (try last.map { try batch($0.0, in: $0.1) }, wanted.count > limit)
  }

  private func batch(_ record: BatchRecord, in place: BatchPlace?) throws -> Batch {
    Batch(
      id: record.id.description, stream: record.id.stream.text,
      state: try state(of: record, in: place), key: record.key, rows: record.rows,
      bytes: record.bytes, compressedBytes: record.compressedBytes, sha256: record.sha256.description,
      sealedAt: record.sealedAt.iso(), deliveredAt: record.deliveredAt?.iso())
  }

  /// - Throws: `Failure` where nothing of that name is known.
  public func story(of id: String) throws -> Story {
    var story = Story()
    if let drop = DropID(id), let record = try read(DropTable.find(_:), drop) ?? nil {
      let place = try place(of: record)
      story.facts = [
        ("drop", id), ("feed", record.feed.text), ("state", place?.rawValue ?? "swept"),
        ("files", record.names.joined(separator: " ")),
        ("bytes", "\(record.bytes)"), ("rows", record.rows.map(String.init) ?? "-"), ("seen", record.seenAt.iso()),
        ("outcome", record.outcome?.rawValue ?? "-"), ("handed over", record.handedOverAt?.iso() ?? "-"),
      ]
      let rejects = RejectFolder(drop, in: spool(of: record.feed).path(.quarantine), files)
      if let count = rejects.count() {
        story.facts.append(("rejected", "\(counted(count.rejected, "row")) of \(count.rows), in \(rejects.path.shown)"))
      }
      story.reasons = reasons(record, in: place)
    } else if let batch = BatchID(id), let record = try read(BatchTable.find(_:), batch) ?? nil {
      story.facts = [
        ("batch", id), ("stream", batch.stream.text),
        ("state", try state(of: record, in: place(of: record)) ?? "swept"),
        ("key", record.key),
        ("rows", "\(record.rows)"), ("bytes", "\(record.bytes)"), ("compressed bytes", "\(record.compressedBytes)"),
        ("sha256", record.sha256.description), ("sealed", record.sealedAt.iso()),
        ("delivered", record.deliveredAt?.iso() ?? "-"),
      ]
      story.reasons = reasons(record)
      let removed = try read(DeliveryTable.removals(of:), batch) ?? [:]
      for delivery in try read(DeliveryTable.list(of:), batch) ?? [] {
        let refused = delivery.refusedAt.map { "refused \($0.iso())" }
        let outcome =
          delivery.confirmedAt.map { "confirmed \($0.iso())" } ?? refused ?? "next try \(delivery.nextAt.iso())"
        let fault = delivery.fault.map { "; last refusal: \($0)" } ?? ""
        let gone = removed[delivery.store].map { "; deleted there on request \($0.iso())" } ?? ""
        story.facts.append(("store \(delivery.store)", "\(outcome), attempts \(delivery.attempts)\(fault)\(gone)"))
      }
    } else if let batch = BatchID(id), try read(BatchTable.hasForgotten(_:), batch) ?? false {
      throw Failure(.findings, "\(id) came to its end so long ago that only its number is known")
    } else {
      throw Failure(.findings, "Nothing is known of \(id). `navette drops` and `navette batches` list what is")
    }
    story.history = try read(HistoryTable.lines(of:), id) ?? []
    return story
  }

  private func place(of record: DropRecord) throws -> DropPlace? {
    try spool(of: record.feed).place(of: record.id)
  }
  private func spool(of feed: FeedName) -> Spool<DropPlace> { Spool(root: state.feed(feed), files: files) }

  private func state(of record: BatchRecord, in place: BatchPlace?) throws -> String? {
    if record.purgedAt != nil { return Self.purged }
    return try place?.rawValue ?? (isMissing(record) ? Self.missing : nil)
  }

  private func place(of record: BatchRecord) throws -> BatchPlace? { try spool(of: record).place(of: record.id) }
  private func isMissing(_ record: BatchRecord) throws -> Bool {
    try record.isOpen && spool(of: record).isNowhere(record.id)
  }
  private func spool(of record: BatchRecord) -> Spool<BatchPlace> {
    Spool(root: state.stream(record.id.stream), files: files)
  }

  /// Nil where there is no ledger yet.
  private func read<Table: LedgerTable, each Value, R: Sendable>(
    _ question: (Table) -> (repeat each Value) throws(LedgerFault) -> R, _ values: repeat each Value
  ) throws -> R? {
    do throws(LedgerFault) {
      return try ledger?.read(question, repeat each values)
    } catch {
      throw Failure(error)
    }
  }
}
