import Config
import Core
import Files
import Glibc
import Inbound
import Journal
import Lanes
import Ledger
import Spool
import SystemPackage
import Threads

/// Remembers events.
final class EventLog: EventSink {
  private let events = Locked<[Event]>([])
  func record(_ event: Event) { events.withLock { $0.append(event) } }
  var all: [Event] { events.withLock { $0 } }
  func count(_ kind: EventKind) -> Int { all.count { $0.kind == kind } }
  func first(_ kind: EventKind) -> Event? { all.first { $0.kind == kind } }
}

/// Numbers that never repeat in this process.
final class Counter: Sendable {
  private let value = Locked(UInt32(0))
  func next() -> UInt32 {
    value.withLock { value in
      value += 1
      return value
    }
  }
}

/// One feed on the real disk: landing, hand-over folder and state, in folders of their own that go with the rig.
final class Rig {
  let base: FilePath
  /// On another file system.
  let far: FilePath
  let state: StateFolder
  var settings: FeedSettings
  let files: any Files
  let ledger: Ledger
  let events = EventLog()
  var engine: FeedWorker
  var uptime = Duration.seconds(100)
  var wall = Timestamp(seconds: 1_773_295_200)
  private static let counter = Counter()
  static let salts = Counter()

  enum Layout { case oneMount, landingElsewhere, handoverElsewhere }

  let minFree: UInt64

  init(
    _ layout: Layout = .oneMount, files: (any Files)? = nil, minFree: UInt64 = 0,
    _ change: (inout FeedSettings) -> Void = { _ in }
  ) throws {
    let number = Rig.counter.next()
    let disk = LinuxFiles()
    self.files = files ?? disk
    self.minFree = minFree
    base = FilePath("/tmp/navette-inbound-\(getpid())-\(number)")
    far = FilePath("/dev/shm/navette-inbound-\(getpid())-\(number)")
    for folder in [base, far] { try disk.ensureDirectory(folder) }
    let landing = (layout == .landingElsewhere ? far : base).appending("landing")
    let handover = (layout == .handoverElsewhere ? far : base).appending("import")
    for folder in [landing, handover] { try disk.ensureDirectory(folder) }
    state = StateFolder(base.appending("state"))
    settings = FeedSettings(name: try Rig.found(FeedName("audiences")), landing: landing, handover: handover)
    change(&settings)
    ledger = try Ledger(path: nil)
    engine = Rig.make(settings, state, self.files, ledger, events, minFree)
  }

  struct NoSuchName: Error {}

  private static func found<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw NoSuchName() }
    return value
  }

  deinit {
    try? LinuxFiles().removeTree(base)
    try? LinuxFiles().removeTree(far)
  }

  static func make(
    _ feed: FeedSettings, _ state: StateFolder, _ files: any Files, _ ledger: Ledger, _ events: EventLog,
    _ minFree: UInt64 = 0
  ) -> FeedWorker {
    FeedWorker(feed, state: state, files: files, ledger: ledger, events: events, minFree: minFree) {
      salts.next()
    }
  }

  func runner(on executor: LaneExecutor? = nil) -> LaneRunner {
    LaneRunner("feed \(settings.name)", on: executor, trouble: LedgerTrouble(events))
  }

  /// A new process, which knows nothing but what lies on the disk (and a ledger).
  func restart(ledger other: Ledger? = nil) {
    engine = Rig.make(settings, state, files, other ?? ledger, events, minFree)
  }

  /// Passes, three seconds apart: two are enough for what lies in landing to settle and go all the way.
  @discardableResult
  func run(_ passes: Int = 2, stop: @escaping () -> Bool = { false }) throws -> PassSummary {
    var all = PassSummary()
    for _ in 0..<passes {
      let one = try engine.pass(at: Moment(wall: wall, uptime: uptime), stop: stop)
      all.handedOver += one.handedOver
      all.quarantined += one.quarantined
      all.held += one.held
      all.damaged += one.damaged
      all.blocked = one.blocked
      all.duplicates += one.duplicates
      all.archived += one.archived
      (all.settling, all.waiting, all.next, all.trouble) = (one.settling, one.waiting, one.next, one.trouble)
      all.isPaused = one.isPaused
      all.wasStopped = all.wasStopped || one.wasStopped
      pass(.seconds(3))
    }
    return all
  }

  var now: Moment { Moment(wall: wall, uptime: uptime) }

  func pass(_ time: Duration) {
    uptime += time
    wall = wall + time
  }

  // MARK: what others do and see

  func land(_ name: String, _ text: String) throws { try land(name, Array(text.utf8)) }
  func land(_ name: String, _ bytes: [UInt8]) throws { try put(settings.landing.appending(FileName(name)), bytes) }

  func put(_ path: FilePath, _ bytes: [UInt8]) throws {
    if try files.info(path) != nil { try files.remove(path) }
    let file = try files.create(path, mode: .init(rawValue: 0o644))
    try bytes.withUnsafeBufferPointer { try file.write(UnsafeRawBufferPointer($0)) }
  }

  func names(in folder: FilePath) throws -> [String] { try files.list(folder).map(\.description) }
  var landed: [String] { get throws { try names(in: settings.landing) } }
  var handedOver: [String] { get throws { try names(in: settings.handover) } }
  func handed(_ name: String) throws -> String { try text(settings.handover.appending(FileName(name))) }

  func text(_ path: FilePath) throws -> String {
    String(decoding: try files.contents(of: path, limit: 1 << 20), as: UTF8.self)
  }

  var spool: Spool<DropPlace> { Spool(root: state.feed(settings.name), files: files) }
  func drops(_ place: DropPlace) throws -> [String] { try spool.entries(in: place) }
  func plan(_ place: DropPlace, _ id: String) throws -> DropPlan {
    try files.readPlan(DropPlan.self, at: spool.path(place, id).appending(DropPlan.fileName))
  }
  func reasons(_ place: DropPlace, _ id: String) throws -> [Reason] {
    try files.readPlan([Reason].self, at: spool.path(place, id).appending(DropPlan.reasonsName))
  }
  func record(_ id: String) throws -> DropRecord? {
    let id = try Rig.found(DropID(id))
    return try ledger.read { (t) throws(LedgerFault) in try t.drops.find(id) }
  }
}

enum Sample {
  static let table = "id,email\n1,a\n2,b\n3,c\n"
  static let other = "id,email\n4,d\n"
  static let crooked = "id,email\n1,a\n2\n"

  /// One gzip member with one stored block, made here so that no tool is needed.
  static func gzip(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    let length = UInt16(bytes.count)
    var out: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]
    out += [UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8)]
    out += bytes
    for value in [crc32(bytes), UInt32(bytes.count)] {
      for shift in [0, 8, 16, 24] as [UInt32] { out.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
    return out
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return ~crc
  }
}
