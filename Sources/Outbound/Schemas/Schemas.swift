import Config
public import Core
public import Files
import Formats
import Journal
import Ledger
public import Spool
import Store
import SystemPackage

/// Where batches under a header go, and whether somebody must say first that they may.
///
/// The book decides, and it is durable before a batch is sealed under it: whatever lies in `ready` under a header that waits goes to `held`, by
/// whichever life finds it.
struct Schemas {
  private var book: SchemaBook?

  /// What follows for one batch.
  struct Placement {
    /// In the first folder of its key; empty: none.
    var mark = ""
    /// Why it waits for a person; nil: it goes.
    var reason: Reason?
    /// Said where it is the first one under its header.
    var news: String?
  }

  // MARK: - The book

  /// At the first look of a life: what an earlier one began is finished, and where nothing is to be held any more, all that waits goes.
  mutating func load(in pass: inout StreamPass) throws {
    book = try SchemaBook.read(of: pass.context.root, pass.files)
    if book == nil, pass.context.schemaRule != nil { try begin(in: pass) }
    guard var known = book else { return }
    if pass.context.schemaRule != .hold, known.entries.contains(where: \.isWaiting) {
      for index in known.entries.indices { known.entries[index].isWaiting = false }
      try write(known, in: pass)
    }
    _ = try letGo(in: pass)
  }

  /// A stream that has sent already goes on under the header of its newest batch, where it has been going.
  private mutating func begin(in pass: StreamPass) throws {
    var newest: (plan: BatchPlan, folder: FilePath)?
    for place in [BatchPlace.ready, .held, .delivered] {
      let ids = try pass.spool.entries(in: place).compactMap { BatchID($0) }.filter { $0.stream == pass.name }
      guard let last = ids.max(by: { $0.sequence < $1.sequence }), last.sequence > newest?.plan.id.sequence ?? 0 else {
        continue
      }
      let folder = pass.spool.path(place, last)
      if let plan = try? pass.files.batchPlan(of: last, in: folder) { newest = (plan, folder) }
    }
    guard let newest else { return }
    let isReadable = !StreamSettings.Encrypt.isSaid(by: newest.plan.key)
    let columns =
      isReadable ? try? Self.columns(of: newest.folder.appending(BatchPlan.objectName), pass.files) : nil
    var book = SchemaBook()
    book.add(
      SchemaBook.Entry(
        header: newest.plan.header, columns: columns ?? nil, mark: "", since: newest.plan.sealedAt, isWaiting: false))
    try write(book, in: pass)
  }

  private mutating func write(_ new: SchemaBook, in pass: StreamPass) throws(FileFault) {
    try new.write(to: pass.context.root, pass.files)
    book = new
  }

  func isWaiting(_ header: Digest) -> Bool { book?.entry(of: header)?.isWaiting == true }

  /// Whether the batch, which lies in `held`, waits for this and nothing else.
  func isWaiting(_ id: BatchID, in pass: StreamPass) -> Bool {
    guard book?.entries.contains(where: \.isWaiting) == true else { return false }
    let plan = try? pass.files.batchPlan(of: id, in: pass.spool.path(.held, id))
    return plan.map { isWaiting($0.header) } ?? false
  }

  // MARK: - Sealing

  mutating func place(_ cut: Cut, in pass: StreamPass) throws -> Placement {
    guard let rule = pass.context.schemaRule else { return Placement() }
    var known = book ?? SchemaBook()
    if let entry = known.entry(of: cut.header) {
      guard entry.isWaiting else { return Placement(mark: entry.mark) }
      return Placement(mark: entry.mark, reason: Self.reason("its columns are those of a batch that waits before it"))
    }
    let columns = cut.headerLine.isEmpty ? nil : ColumnNames(cut.headerLine).names
    let before = known.nearest(to: columns ?? [])
    let isFirst = known.entries.isEmpty
    let isMarked = isFirst || KeyMark.isMarked(pass.settings.key)
    let mark = isMarked ? "" : KeyMark.text(of: cut.header.description)
    known.add(
      SchemaBook.Entry(
        header: cut.header, columns: columns, mark: mark, since: pass.now.wall, isWaiting: !isFirst && rule == .hold))
    try write(known, in: pass)
    guard !isFirst else { return Placement() }
    let difference = SchemaDifference(from: before?.columns, to: columns ?? [])
    let words = "\(difference.text). \(Self.prefixes(before?.mark ?? "", mark, cut, pass))"
    return Placement(mark: mark, reason: rule == .hold ? Self.reason(words) : nil, news: words)
  }

  private static func reason(_ words: String) -> Reason { Reason(.schemaChanged, "The columns have changed: \(words)") }

  private static func prefixes(_ old: String, _ new: String, _ cut: Cut, _ pass: StreamPass) -> String {
    func folder(_ mark: String) -> String {
      let key = KeyMark.marked(pass.settings.key, by: mark).replacing("{stream}", with: pass.name.text)
        .replacing("{host}", with: pass.context.host).replacing(
          "{schema}", with: cut.header.description.prefix(KeyMark.digits))
      let folders = key.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      let fixed = folders.prefix { !$0.contains("{") }
      return fixed.isEmpty
        ? folders.first.map { "\($0)/" } ?? "the store's own folder" : fixed.joined(separator: "/") + "/"
    }
    return "Batches before lie below \(folder(old)), these below \(folder(new))"
  }

  /// As the object begins; nil where that is no header, or too long a one.
  static func columns(of object: FilePath, _ files: any Files) throws(FileFault) -> [String]? {
    let file = try files.open(object)
    let packing = try Packing(file)
    let text: any ReadableFile = packing.map { UnpackedFile(file, Wrapping($0), at: object) } ?? file
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: Limits.packedRead)
    while line.count < Limits.headerLook {
      let count = try buffer.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
        try text.read(into: UnsafeMutableRawBufferPointer(all), at: UInt64(line.count))
      }
      line += buffer[..<count]
      let end = line.withUnsafeBytes { Records.scan($0, dialect: .csv(), maxRecords: 1).end }
      if end > 0 || count == 0 {
        var header = line.prefix(end > 0 ? end : line.count)
        while header.last == 0x0a || header.last == 0x0d { header.removeLast() }
        return header.isEmpty ? nil : ColumnNames(Array(header)).names
      }
    }
    return nil
  }

  // MARK: - Holding and letting go

  /// The batch goes from `ready` to `held`: recorded first, and whatever the ledger says then, the book says that it waits.
  func hold(_ id: BatchID, in pass: StreamPass) throws {
    try pass.ledger.transact("held") { (t) throws(LedgerFault) in
      try t.deliveries.noteHeld(id, at: pass.now.wall)
      try t.history.note(id, EventKind.schemaChanged.rawValue, "it waits until somebody releases it", at: pass.now.wall)
    }
    try pass.spool.move([id], from: .ready, to: .held)
  }

  /// Batches whose header waits no more go back to `ready`, in their order. - Returns: which.
  private func letGo(in pass: StreamPass) throws -> [BatchID] {
    let ids = try pass.spool.entries(in: .held).compactMap { BatchID($0) }.filter { $0.stream == pass.name }
    var gone: [BatchID] = []
    for id in ids.sorted(by: { $0.sequence < $1.sequence }) {
      let folder = pass.spool.path(.held, id)
      let reasons = folder.appending(DropPlan.reasonsName)
      guard let known = try? pass.files.readPlan([Reason].self, at: reasons),
        known.contains(where: { $0.code == .schemaChanged }),
        let plan = try? pass.files.batchPlan(of: id, in: folder), !isWaiting(plan.header)
      else { continue }
      try pass.spool.move([id], from: .held, to: .ready)
      try pass.files.remove(pass.spool.path(.ready, id).appending(DropPlan.reasonsName))
      gone.append(id)
    }
    return gone
  }

  /// A person says that batches under the header of this one may go.
  /// - Returns: which went; nil: it waits for something else.
  mutating func release(_ id: BatchID, by who: Requester, in pass: StreamPass) throws -> [BatchID]? {
    let folder = pass.spool.path(.held, id)
    guard var known = book, let plan = try? pass.files.batchPlan(of: id, in: folder),
      let index = known.entries.firstIndex(where: { $0.header == plan.header && $0.isWaiting })
    else { return nil }
    known.entries[index].isWaiting = false
    try write(known, in: pass)
    let gone = try letGo(in: pass)
    try pass.ledger.transact("release") { (t) throws(LedgerFault) in
      for id in gone { try t.history.note(id, "released", "by \(who.name): \(who.reason)", at: pass.now.wall) }
    }
    return gone
  }
}

/// What of a stream waits because its columns have changed, as seen from outside the agent: it writes nothing.
public struct SchemaSurvey: Hashable, Sendable {
  /// In their order.
  public let waiting: [BatchID]

  public init(_ stream: StreamName, state: StateFolder, files: any Files) {
    let root = state.stream(stream)
    let headers = Set(((try? SchemaBook.read(of: root, files)) ?? nil)?.entries.filter(\.isWaiting).map(\.header) ?? [])
    guard !headers.isEmpty else {
      waiting = []
      return
    }
    let spool = Spool<BatchPlace>(root: root, files: files)
    let held = ((try? spool.entries(in: .held)) ?? []).compactMap { BatchID($0) }
    waiting = held.filter { id in
      (try? files.batchPlan(of: id, in: spool.path(.held, id))).map { headers.contains($0.header) } ?? false
    }.sorted { $0.sequence < $1.sequence }
  }

  /// For people; nil: nothing waits.
  public var words: String? {
    guard let first = waiting.first else { return nil }
    let are = waiting.count == 1 ? "is" : "are"
    return
      "\(counted(waiting.count, "batch")) \(are) held for other columns than before (navette show \(first)), and those behind wait as well; then navette release \(first)"
  }
}
