public import Config
import Core
import Files
import Journal
public import Lanes
import Ledger
import Spool
import Store
import SystemPackage
import Threads

/// What streams share, beside the ledger: the stores' slots, what is known of the stores, and the spool's limit.
public struct StreamsShared: Sendable {
  public let slots: StoreSlots
  public let stores: StoreStates
  public let spool: SpoolLimit
  /// Nil: only what a folder looks like is looked at.
  let mounts: MountWatch?

  public init(_ settings: Settings, mounts: MountWatch? = nil) {
    self.mounts = mounts
    slots = StoreSlots(Dictionary(settings.stores.map { ($0.name, $0.concurrency) }, uniquingKeysWith: { a, _ in a }))
    stores = StoreStates()
    spool = SpoolLimit(settings.limits.spoolMaxBytes)
  }
}

/// What the steps of a stream work with; the same in every pass.
struct StreamContext {
  let settings: StreamSettings
  /// The other streams: a log that one of them has is not ours.
  let others: [StreamName]
  let host: String
  let limits: LimitSettings
  let state: StateFolder
  let files: any Files
  let ledger: Ledger
  let events: any EventSink
  let hands: Hands
  let suspects: Suspects
  let clock: ClockTrust
  let turn: Turn
  let shared: StreamsShared
  /// Spreads back-offs.
  let random: @Sendable () -> UInt64
  /// Asked between chunks: a batch that is half cut is thrown away, the records stay where they are.
  let isStopping: @Sendable () -> Bool

  let spool: Spool<BatchPlace>
  let contents: LogContents
  let key: KeyTemplate
  /// What becomes of a batch under another header; nil: nothing.
  let schemaRule: StreamSettings.SchemaRule?
  /// Of the schedule; the configuration was refused where the machine does not know it.
  let zone: ClockZone

  init(
    settings: StreamSettings, others: [StreamName], schemaRule: StreamSettings.SchemaRule?, host: String,
    limits: LimitSettings, state: StateFolder, files: any Files, ledger: Ledger, events: any EventSink, hands: Hands,
    suspects: Suspects, clock: ClockTrust, turn: Turn, shared: StreamsShared,
    random: @escaping @Sendable () -> UInt64, isStopping: @escaping @Sendable () -> Bool
  ) {
    (self.settings, self.others, self.host, self.limits, self.state) = (settings, others, host, limits, state)
    self.schemaRule = settings.header == .none ? nil : schemaRule
    (self.files, self.ledger, self.events, self.hands) = (files, ledger, events, hands)
    (self.suspects, self.clock, self.turn, self.shared) = (suspects, clock, turn, shared)
    (self.random, self.isStopping) = (random, isStopping)
    spool = Spool(root: state.stream(settings.name), files: files)
    contents = LogContents(settings: settings, files: files, hands: hands, isStopping: isStopping)
    zone = SystemZone.named(settings.timezone) ?? .utc
    do {
      key = try KeyTemplate(settings.key)
    } catch {
      preconditionFailure("the configuration was accepted with the key \(settings.key): \(error)")
    }
  }

  var name: StreamName { settings.name }
  var root: FilePath { spool.root }
  /// Where copies of logs lie.
  var pins: PinFolder { PinFolder(path: root.appending(Pin.folderName), files: files) }
  /// Where records that are too large are kept.
  var aside: FilePath { root.appending(Cutter.folderName) }
  var archive: LogArchive { LogArchive(folder: root.appending(LogArchive.folderName), files: files) }

  /// Whether the ledger knows of a batch that has not come to its end.
  func isOpen(_ batch: BatchID) throws(LedgerFault) -> Bool {
    try ledger.read { (t) throws(LedgerFault) in try t.batches.find(batch)?.isOpen == true }
  }
}
