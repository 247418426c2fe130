public import Config
import Core
import Files
import Inbound
import Lanes
import Ledger
import Outbound
import Spool
import SystemPackage

/// Feeds and streams at a glance, read from the places, the logs and the ledger: the same whether an agent runs or not.
public struct StatusReport: Sendable, Encodable {
  public struct Agent: Sendable, Encodable {
    public let running: Bool
    @OrNull public internal(set) var pid: Int32?
    @OrNull public internal(set) var since: String?
    /// Nil: none is known of.
    @OrNull public internal(set) var lastEnd: LastEnd?

    enum CodingKeys: String, CodingKey { case running, pid, since, lastEnd = "last_end" }
  }
  public struct Feed: Sendable, Encodable {
    public let name: String
    public var waiting = 0
    public var held = 0
    public var quarantine = 0
    /// Bad rows that were left out of what was handed over, and still lie there; of so many drops.
    public var rejectedRows = 0
    public var rejectedDrops = 0
    public var damaged = 0
    public var handedOver = 0
    public var lagSeconds: Int64 = 0
    /// Since when a person has paused it.
    @OrNull public var pausedSince: String? = nil
    @OrNull public var lastError: String? = nil
    /// Where it fetches from a store.
    public var pull: Pull?
    /// When its next drop is due, or the one for which it is late; nil where nothing is expected.
    @OrNull public var due: String? = nil
    public var late = false
    /// The last due time for which nothing came, until a drop comes.
    @OrNull public var missed: String? = nil
    public var blocked = Blocked()
    /// By what its agent knows that a file is whole; nil: none runs.
    @OrNull public var completeWhen: String? = nil
    /// For people.
    public var words: String?

    enum CodingKeys: String, CodingKey {
      case rejectedRows = "rejected_rows", rejectedDrops = "rejected_drops"
      case name, waiting, held, quarantine, damaged, blocked, handedOver = "handed_over", lagSeconds = "lag_seconds"
      case pausedSince = "paused_since", lastError = "last_error", due, late, missed, pull
      case completeWhen = "complete_when"
    }
  }

  public struct Pull: Sendable, Encodable {
    public let store: String
    /// When the store was last listed wholly; nil: not yet.
    @OrNull public internal(set) var listedAt: String?
    /// Objects that are to be fetched.
    public let waiting: Int
    @OrNull public internal(set) var lastError: String?
    enum CodingKeys: String, CodingKey { case store, listedAt = "listed_at", waiting, lastError = "last_error" }
  }
  public struct Stream: Sendable, Encodable {
    public let name: String
    /// Uncompressed bytes that are not in a confirmed batch.
    public var lagBytes: UInt64 = 0
    public var lagSeconds: Int64 = 0
    public var waiting = 0
    public var held = 0
    public var damaged = 0
    public var blocked = Blocked()
    public var confirmed = 0
    /// Rows of logs that were not sent: nobody wants them, or they are kept for a person. Since the ledger was made.
    public var skippedRows = 0
    public var rejectedRows = 0
    /// Logs of which something was never read, or may not have been; see `verify`.
    public var gaps = 0
    /// Confirmed over the last five minutes, uncompressed.
    public var bytesPerSecond: UInt64 = 0
    /// How long what is behind takes at this speed; nil where it keeps up, or stands still.
    @OrNull public var catchUpSeconds: Int64? = nil
    /// Since when a person has paused it.
    @OrNull public var pausedSince: String? = nil
    @OrNull public var lastError: String? = nil
    /// How old records grow where the budget of a store lengthens that.
    @OrNull public var lengthenedAgeSeconds: Int64? = nil
    /// When the key that its objects are encrypted for ends; nil: they are not encrypted, or nobody knows.
    @OrNull public var keyEnds: String? = nil
    /// For people.
    public var words: String?

    enum CodingKeys: String, CodingKey {
      case keyEnds = "key_ends"
      case lengthenedAgeSeconds = "lengthened_age_seconds"
      case name
      case lagBytes = "lag_bytes"
      case lagSeconds = "lag_seconds"
      case skippedRows = "skipped_rows"
      case rejectedRows = "rejected_rows"
      case waiting, held, damaged, blocked, confirmed, gaps
      case bytesPerSecond = "bytes_per_second"
      case catchUpSeconds = "catch_up_seconds"
      case pausedSince = "paused_since"
      case lastError = "last_error"
    }
  }
  public struct SpoolUse: Sendable, Encodable {
    public let bytes: UInt64
    public let maxBytes: UInt64
    enum CodingKeys: String, CodingKey { case bytes, maxBytes = "max_bytes" }
  }

  public struct Store: Sendable, Encodable {
    public let name: String
    /// When the right to use it ends by itself; nil where it does not, or nobody knows.
    @OrNull public internal(set) var accessEnds: String?
    /// Deliveries that could begin now, or are under way.
    public let due: Int
    /// Since when it has confirmed nothing although something is due; nil where nothing is.
    @OrNull public internal(set) var nothingConfirmedSince: String?
    public let secondsWithoutConfirmation: Int64
    /// Of the access's end, for people.
    public let words: String?
    enum CodingKeys: String, CodingKey {
      case name, accessEnds = "access_ends", due, nothingConfirmedSince = "nothing_confirmed_since"
      case secondsWithoutConfirmation = "seconds_without_confirmation"
    }

    init(_ name: StoreName, _ end: AccessEnd?, _ backlog: StoreBacklog?, at now: Timestamp) {
      self.name = name.text
      accessEnds = end?.at.iso()
      words = end?.words(now)
      due = backlog?.due ?? 0
      nothingConfirmedSince = backlog?.nothingConfirmedSince.iso()
      secondsWithoutConfirmation = backlog.map { max(0, now.seconds - $0.nothingConfirmedSince.seconds) } ?? 0
    }
  }

  public let schema = 1
  public let agent: Agent
  public let feeds: [Feed]
  public let streams: [Stream]
  public let spool: SpoolUse
  public let stores: [Store]
  /// Since when the clock is doubted, so that nothing is deleted for its age; nil: it is believed.
  @OrNull public internal(set) var clockDoubtedSince: String?

  enum CodingKeys: String, CodingKey {
    case schema, agent, feeds, streams, spool, stores, clockDoubtedSince = "clock_doubted_since"
  }

  /// - Throws: `Failure` where the state folder cannot be read.
  public init(_ settings: Settings) throws {
    let files = LinuxFiles(settings)
    let state = StateFolder(settings.state)
    do {
      try StateOwnership.becomeOwner(of: state, files)
      _ = try StateForm.read(state, files)
      let ledger = try files.info(state.ledger) == nil ? nil : LedgerKeeper.reader(state, files)
      try self.init(settings, files, ledger, Endings.of(settings, files), at: SystemClock.wall())
    } catch let fault as FileFault {
      throw Failure.ofReader(fault)
    } catch let fault as LedgerFault {
      throw Failure.ofReader(fault)
    }
  }

  /// - Throws: faults of the disk and of the ledger.
  init(_ settings: Settings, _ files: any Files, _ ledger: Ledger?, _ ends: Endings, at now: Timestamp) throws {
    let state = StateFolder(settings.state)
    let holder = try files.info(state.root) == nil ? nil : try AgentLock.holder(of: state.root)
    let signed = try files.info(state.lock)
    agent = Agent(
      running: holder != nil, pid: holder?.pid,
      since: holder == nil ? nil : signed.map { Timestamp(nanoseconds: $0.modified).iso() },
      lastEnd: LastLife.end(state, files, isRunning: holder != nil).map { LastEnd($0) })
    clockDoubtedSince = ClockTrust.doubtedSince(at: state.clock, files)?.iso()
    let mayAsk = holder.map { CompletenessTest.mayAsk($0.pid) }
    feeds = try settings.feeds.map { feed in
      var report = try Self.feed(feed, state, files, ledger, now)
      report.completeWhen = mayAsk.map { CompletenessTest(feed, mayAsk: $0).words }
      report.blocked = Blocked(
        holder.flatMap { $0.pid }.flatMap { LaneReport.read(at: state.report(of: feed.name), of: $0, files) }, at: now)
      return report
    }
    let active = try settings.streams.map(\.name).filter {
      try PauseMark($0, state: state, files: files).since() == nil
    }
    let backlogs =
      try ledger?.read(DeliveryTable.backlogs(of:at:), active, now) ?? [:]
    let stores = settings.stores.map { store in
      Store(store.name, ends.stores.first { $0.store == store.name }, backlogs[store.name], at: now)
    }
    self.stores = stores
    streams = try settings.streams.map { stream in
      var report = try Self.stream(stream, state, files, ledger, now)
      report.blocked = Blocked(
        holder.flatMap { $0.pid }.flatMap { LaneReport.read(at: state.report(of: stream.name), of: $0, files) }, at: now
      )
      let silence = stores.filter { stream.stores.map(\.text).contains($0.name) }.map(\.secondsWithoutConfirmation)
        .max()
      report.promise(stream.batch.maxBytes, silence: silence ?? 0)
      report.lengthenedAgeSeconds = settings.lengthening(of: stream)?.age.components.seconds
      let keyEnd = ends.keys.first { $0.stream == stream.name }
      report.keyEnds = keyEnd?.at.iso()
      let notes = [settings.budgetWords(of: stream), keyEnd.map { "its key \($0.words(now))" }].compactMap(\.self)
      report.words = notes.isEmpty ? nil : notes.joined(separator: "; ")
      return report
    }
    spool = SpoolUse(
      bytes: try ledger?.read(BatchTable.spoolBytes) ?? 0,
      maxBytes: settings.limits.spoolMaxBytes)
  }

  private static func stream(
    _ settings: StreamSettings, _ state: StateFolder, _ files: any Files, _ ledger: Ledger?, _ now: Timestamp
  ) throws -> Stream {
    var report = Stream(name: settings.name.text)
    let spool = Spool<BatchPlace>(root: state.stream(settings.name), files: files)
    report.waiting = try spool.entries(in: .ready).count
    report.pausedSince = try PauseMark(settings.name, state: state, files: files).since()?.iso()
    let totals = try ledger?.read(BatchTable.totals(of:), settings.name) ?? StreamTotals()
    report.confirmed = totals.confirmed
    report.gaps = try ledger?.read(GapTable.count(of:), settings.name) ?? 0
    // The ledger also knows of those whose folder was taken away.
    report.damaged = try spool.entries(in: .damaged).count
    report.held = max(try spool.entries(in: .held).count, totals.held - report.damaged)
    report.lastError = totals.lastFault
    let left = try ledger?.read { (t) throws(LedgerFault) in try t.totals.leftRows(of: settings.name) }
    (report.skippedRows, report.rejectedRows) = (left?.skipped ?? 0, left?.leftOut ?? 0)
    do {
      let survey = try OutboundSurvey(settings, state: state, files: files, ledger: ledger, at: now)
      report.lagBytes = survey.bytes +| totals.waitingBytes
      report.lastError = report.lastError ?? survey.fault
      if let oldest = [survey.oldest, totals.oldestWaiting].compactMap(\.self).min() {
        report.lagSeconds = max(0, now.seconds - oldest.seconds)
      }
    } catch let fault as FileFault {
      report.lagBytes = totals.waitingBytes
      report.lastError = fault.description
    }
    report.lastError = report.lastError ?? SchemaSurvey(settings.name, state: state, files: files).words
    let lately = try ledger?.read { (t) throws(LedgerFault) in
      try t.batches.confirmedBytes(of: settings.name, in: Limits.paceSpan, count: 1, until: now)
    }
    report.bytesPerSecond = (lately?.first ?? 0) / UInt64(Limits.paceSpan.components.seconds)
    return report
  }

  private static func feed(
    _ settings: FeedSettings, _ state: StateFolder, _ files: any Files, _ ledger: Ledger?, _ now: Timestamp
  ) throws -> Feed {
    var report = Feed(name: settings.name.text)
    let survey = try InboundSurvey(settings, state: state, files: files)
    report.waiting = survey.waiting
    report.held = survey.held
    report.quarantine = survey.quarantine
    (report.rejectedRows, report.rejectedDrops) = (survey.rejectedRows, survey.rejectedDrops)
    report.damaged = survey.damaged
    report.pausedSince = survey.pausedSince?.iso()
    report.lastError = survey.lastError
    if let oldest = survey.oldest { report.lagSeconds = max(0, now.seconds - oldest.seconds) }
    if let pull = settings.pull {
      let standing = try ledger?.read(PullTable.standing(_:), settings.name)
      report.pull = Pull(
        store: pull.store.text, listedAt: standing?.listedAt?.iso(), waiting: standing?.waiting ?? 0,
        lastError: standing?.fault)
      report.lastError = report.lastError ?? standing?.fault
    }
    report.handedOver = try ledger?.read(DropTable.totals(of:), settings.name).handedOver ?? 0
    // What lies there unseen may be what is due: then only what was told counts.
    if let due = try DueSurvey(
      settings, ledger: ledger, at: now, isSure: survey.waiting == 0 && survey.pausedSince == nil)
    {
      (report.due, report.late, report.missed) = (due.due.iso(), due.isLate, due.missed?.iso())
      report.words = due.words
    }
    return report
  }
}

extension StatusReport.Stream {
  /// Says how long what is behind will take, where that can be said: more than a batch is behind (what has gathered since the last one is
  /// no backlog), and its stores have confirmed something in the time that a batch takes.
  /// - Parameter silence: seconds for which one of its stores has confirmed nothing although something is due.
  fileprivate mutating func promise(_ batchBytes: UInt64, silence: Int64) {
    guard lagBytes >= batchBytes || waiting > 1, bytesPerSecond > 0 else { return }
    guard silence < Limits.silenceBeforeNoPromise +| Int64(clamping: batchBytes / bytesPerSecond) else { return }
    catchUpSeconds = Int64(clamping: lagBytes / bytesPerSecond)
  }
}
