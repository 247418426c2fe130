import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

/// Drops are handed over exactly once, whatever is killed, and nothing is lost when the power goes.
@Suite("Killed at every step, power cut at every step")
struct CrashTests {
  enum Ground: CaseIterable {
    /// Landing, state and the hand-over folder are mounts of their own, as the shipped unit has it.
    case copying
    case renaming
    /// Landing belongs to another user: nobody tells who writes.
    case foreign
  }

  private struct Broken: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private static let landing = FilePath("/srv/landing")
  private static let handover = FilePath("/srv/import")
  private static let state = StateFolder("/state")
  private static let good = ["a.csv": Sample.table, "b.csv": Sample.other]
  private static let bad = ["bad.csv": Sample.crooked]

  /// What outlives the process: the ledger, the clock, and the consumer.
  private final class World {
    let ledger: Ledger
    let salts = Counter()
    let seconds = Counter()
    let consumer: Consumer?

    init(_ machine: SimMachine, takes: Bool) throws {
      ledger = try Ledger(path: nil, gate: machine.points.ledgerGate)
      consumer = takes ? Consumer(machine.files, CrashTests.handover) : nil
    }
  }

  private static func sweep(_ ground: Ground, takes: Bool, mayRepeat: Bool = false) -> CrashSweep<World> {
    CrashSweep(
      "inbound, \(ground)" + (takes ? ", the consumer takes at once" : ""),
      prepare: { machine in
        for (name, text) in good.merging(bad, uniquingKeysWith: { a, _ in a }) {
          try machine.files.put(landing.appending(name), text)
        }
        // The same content twice: one of the two is handed over.
        try machine.files.put(landing.appending("twin.csv"), Sample.other)
        try machine.files.outside { disk in
          try disk.makeFolder(handover)
          try disk.makeFolder(state.root)
          if ground != .renaming { disk.knobs.mounts = [landing, handover, state.root] }
          if ground == .foreign { disk.knobs.foreign = [landing] }
        }
        return try World(machine, takes: takes)
      },
      life: { machine, world in
        let files: any Files = world.consumer ?? machine.files
        var settings = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
        settings.settle = .seconds(1)
        var engine = InboundEngine(
          feeds: [settings], state: state, files: files, ledger: world.ledger, events: EventLog(),
          salt: { world.salts.next() })
        for _ in 0..<3 {
          let seconds = Int64(world.seconds.next()) * 5
          let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + seconds), uptime: .seconds(seconds))
          let summary = try engine.pass(at: now)
          if let why = summary.paused.values.first { throw Broken("paused: \(why)") }
        }
      },
      check: { machine, world in
        try checkPlaces(machine, world)
        let there = machine.files.files(below: handover).mapValues { String(decoding: $0, as: UTF8.self) }
        if let hidden = there.keys.first(where: { $0.lastComponent?.string.hasPrefix(".") == true }) {
          throw Broken("staged and left: \(hidden)")
        }
        let taken = world.consumer?.taken ?? []
        for text in good.values {
          let count = there.values.count { $0 == text } + taken.count { $0.text == text }
          guard count == 1 || (mayRepeat && count > 1) else { throw Broken("handed over \(count) times: \(text)") }
        }
        let all = Array(there.values) + taken.map(\.text)
        guard all.allSatisfy({ good.values.contains($0) }) else { throw Broken("something else was handed over") }
        let names = Dictionary(grouping: taken, by: \.text).mapValues { Set($0.map(\.name)).count }
        guard names.values.allSatisfy({ $0 == 1 }) else { throw Broken("one drop under two names") }
      })
  }

  private static func checkPlaces(_ machine: SimMachine, _ world: World) throws {
    let disk = machine.files.snapshot
    guard disk.names(in: landing).isEmpty else { throw Broken("landing still has \(disk.names(in: landing))") }
    let spool = Spool<DropPlace>(root: state.feed(try #require(FeedName("audiences"))), files: machine.files)
    for place in [DropPlace.gathering, .claimed, .handover, .held] {
      let left = try spool.entries(in: place)
      guard left.isEmpty else { throw Broken("\(place.rawValue) still has \(left)") }
    }
    let quarantined = try spool.entries(in: .quarantine)
    let refused = disk.files(below: spool.path(.quarantine)).filter { $0.key.string.contains("/parts/") }
    guard quarantined.count == 1, refused.values.map({ String(decoding: $0, as: UTF8.self) }) == Array(bad.values),
      disk.bytes(of: spool.path(.quarantine, quarantined[0]).appending(DropPlan.reasonsName)) != nil
    else { throw Broken("quarantine has \(quarantined)") }

    let archived = try spool.entries(in: .archive)
    guard archived.count == 3 else { throw Broken("the archive has \(archived)") }
    let records = try world.ledger.read { (t) throws(LedgerFault) in try t.drops(of: nil) }
    guard Set(records.map(\.id.description)) == Set(archived + quarantined) else {
      throw Broken("the ledger knows \(records.map(\.id))")
    }
    let ends = records.map { "\($0.outcome?.rawValue ?? "none") \($0.handedOverAt != nil)" }.sorted()
    guard ends == ["accepted true", "accepted true", "duplicate false", "quarantined false"] else {
      throw Broken("the ledger says \(ends)")
    }
    for id in archived {
      let plan = try machine.files.readPlan(
        DropPlan.self, at: spool.path(.archive, id).appending(DropPlan.fileName))
      let kept = disk.text(of: spool.path(.archive, id).appending("parts").appending(plan.parts[0].name))
      guard let kept, good.values.contains(kept), plan.parts[0].sha256 != nil else {
        throw Broken("the archive's \(id) is not whole")
      }
    }
  }

  @Test("A consumer that leaves the files where they are", arguments: Ground.allCases)
  func leaving(ground: Ground) async {
    var sweep = Self.sweep(ground, takes: false)
    sweep.survivals = 24
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 80)
  }

  @Test("A consumer that takes each file the instant it appears, and kills", arguments: [Ground.copying, .renaming])
  func taking(ground: Ground) async {
    var sweep = Self.sweep(ground, takes: true)
    sweep.cutsPower = false
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 80)
  }

  // With the power gone between a rename and its sync, a consumer that has already taken the file may see it again, with the same
  // name and bytes.
  @Test("A consumer that takes each file the instant it appears, and power cuts")
  func takingWithoutPower() async {
    var sweep = Self.sweep(.copying, takes: true, mayRepeat: true)
    sweep.survivals = 12
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 80)
  }
}

/// The simulated disk with a consumer at the hand-over folder: what is renamed to a name that is not hidden is gone at once.
private final class Consumer: Files {
  struct Taken: Sendable {
    let name: FileName
    let text: String
  }

  private let disk: SimFiles
  private let folder: FilePath
  private let log = Guarded<[Taken]>([])
  var taken: [Taken] { log.withLock { $0 } }

  init(_ disk: SimFiles, _ folder: FilePath) { (self.disk, self.folder) = (disk, folder) }

  func move(_ path: FilePath, to target: FilePath) throws(FileFault) {
    try disk.move(path, to: target)
    guard target.removingLastComponent() == folder, let name = target.name, name.bytes.first != UInt8(ascii: ".") else {
      return
    }
    let bytes = try? disk.take(target, durable: false)
    log.withLock { $0.append(Taken(name: name, text: String(decoding: bytes ?? [], as: UTF8.self))) }
  }

  func list(_ directory: FilePath) throws(FileFault) -> [FileName] { try disk.list(directory) }
  func info(_ path: FilePath) throws(FileFault) -> FileInfo? { try disk.info(path) }
  func open(_ path: FilePath) throws(FileFault) -> any ReadableFile { try disk.open(path) }
  func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    try disk.create(path, mode: mode)
  }
  func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) { try disk.makeDirectory(path, mode: mode) }
  func link(_ path: FilePath, as twin: FilePath) throws(FileFault) { try disk.link(path, as: twin) }
  func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault) {
    try disk.copy(path, to: target, mode: mode)
  }
  func replace(_ path: FilePath, with new: FilePath) throws(FileFault) { try disk.replace(path, with: new) }
  func sync(_ paths: [FilePath]) throws(FileFault) { try disk.sync(paths) }
  func remove(_ path: FilePath) throws(FileFault) { try disk.remove(path) }
  func writers(of path: FilePath) throws(FileFault) -> Writers { try disk.writers(of: path) }
  func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 { try disk.freeBytes(at: path) }
  func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    try disk.set(mode: mode, owner: owner, group: group, of: path)
  }
}
