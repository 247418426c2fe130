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
import Threads

@testable import FeedKit

/// Drops are handed over exactly once, whatever is killed, and nothing is lost when the power goes.
@Suite("Killed at every step, power cut at every step")
struct CrashTests {
  enum Layout: CaseIterable {
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

  /// What a sender puts into landing, and what must come of it.
  enum Cargo: CaseIterable {
    /// One good file.
    case good
    case bad
    /// A good one, its twin, and a bad one, all at once.
    case mixed
    /// A good one that is encrypted.
    case sealed
    /// One with a bad row, which is left out and lies in quarantine.
    case rejecting
    /// Lines of JSON, of which a table is made by the columns that are found.
    case objects

    var landed: [String: String] {
      switch self {
      case .good: ["a.csv": Sample.table]
      case .bad: ["bad.csv": Sample.crooked]
      case .sealed: ["a.csv.gpg": ToyDecrypter.sealed(Sample.table)]
      case .rejecting: ["a.csv": Sample.crooked]
      case .objects: ["a.json": Self.lines]
      case .mixed: ["a.csv": Sample.table, "bad.csv": Sample.crooked, "twin.csv": Sample.table]
      }
    }
    static let lines = "{\"id\":1,\"email\":\"a\"}\n"
    var handedOver: [String] {
      switch self {
      case .bad: []
      case .rejecting: ["id,email\n1,a\n"]
      case .objects: ["id\temail\n1\ta\n"]
      case .good, .mixed, .sealed: [Sample.table]
      }
    }
    var archived: Int { self == .mixed ? 2 : self == .bad ? 0 : 1 }
    /// What the archive keeps: what came.
    var kept: [String] {
      switch self {
      case .sealed, .rejecting, .objects: Array(landed.values)
      case .good, .bad, .mixed: handedOver
      }
    }
    var refused: [String] { self == .bad || self == .mixed ? [Sample.crooked] : [] }
    /// Bad rows that lie in quarantine, with their header.
    var rejected: [String] { self == .rejecting ? ["id,email\n2\n"] : [] }
    var ends: [String] {
      switch self {
      case .good, .sealed, .rejecting, .objects: ["accepted true"]
      case .bad: ["quarantined false"]
      case .mixed: ["accepted true", "duplicate false", "quarantined false"]
      }
    }
  }

  /// What outlives the process: the ledger, the clock, and the consumer.
  private final class World {
    let ledger: Ledger
    let salts = Counter()
    let seconds = Counter()
    let consumer: Consumer?

    init(_ machine: SimMachine, takes: Bool) throws {
      ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate)
      consumer = takes ? Consumer(machine.files, CrashTests.handover) : nil
    }
  }

  private static func sweep(
    _ cargo: Cargo, _ layout: Layout, takes: Bool, mayRepeat: Bool = false
  ) -> CrashSweep<World> {
    CrashSweep(
      "inbound, \(cargo), \(layout)" + (takes ? ", the consumer takes at once" : ""),
      prepare: { machine in
        for (name, text) in cargo.landed { try machine.files.put(landing.appending(FileName(name)), text) }
        try machine.files.outside { disk in
          try disk.makeFolder(handover)
          try disk.makeFolder(state.root)
          if layout != .renaming { disk.knobs.mounts = [landing, handover, state.root] }
          if layout == .foreign { disk.knobs.foreign = [landing] }
        }
        return try World(machine, takes: takes)
      },
      life: { machine, world in
        let files: any Files = world.consumer ?? machine.files
        var settings = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
        settings.settle = .seconds(1)
        if cargo == .rejecting { settings.rejects = FeedSettings.Rejects(atMost: .rows(1)) }
        if cargo == .objects { (settings.format.type, settings.rewrite) = (.json, FeedSettings.Rewrite()) }
        if cargo == .sealed { settings.decrypt = FeedSettings.Decrypt(key: Secret("toy")) }
        var engine = FeedWorker(
          settings, state: state, files: files, ledger: world.ledger, events: EventLog(),
          salt: { world.salts.next() }, decrypter: ToyDecrypter())
        for _ in 0..<2 {
          let seconds = Int64(world.seconds.next()) * 5
          let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + seconds), uptime: .seconds(seconds))
          let summary = try engine.pass(at: now)
          if let why = summary.trouble { throw Broken("paused: \(why)") }
        }
      },
      check: { machine, world in
        try checkPlaces(machine, world, cargo)
        let there = machine.files.files(below: handover).mapValues { String(decoding: $0, as: UTF8.self) }
        if let hidden = there.keys.first(where: { $0.lastComponent?.string.hasPrefix(".") == true }) {
          throw Broken("staged and left: \(hidden)")
        }
        let taken = world.consumer?.taken ?? []
        for text in cargo.handedOver {
          let count = there.values.count { $0 == text } + taken.count { $0.text == text }
          guard count == 1 || (mayRepeat && count > 1) else { throw Broken("handed over \(count) times: \(text)") }
        }
        let all = Array(there.values) + taken.map(\.text)
        guard all.allSatisfy({ cargo.handedOver.contains($0) }) else { throw Broken("something else was handed over") }
        let names = Dictionary(grouping: taken, by: \.text).mapValues { Set($0.map(\.name)).count }
        guard names.values.allSatisfy({ $0 == 1 }) else { throw Broken("one drop under two names") }
      })
  }

  private static func checkPlaces(_ machine: SimMachine, _ world: World, _ cargo: Cargo) throws {
    let disk = machine.files.snapshot
    guard disk.names(in: landing).isEmpty else { throw Broken("landing still has \(disk.names(in: landing))") }
    let spool = Spool<DropPlace>(root: state.feed(try #require(FeedName("audiences"))), files: machine.files)
    for place in [DropPlace.gathering, .claimed, .handover, .held] {
      let left = try spool.entries(in: place)
      guard left.isEmpty else { throw Broken("\(place.rawValue) still has \(left)") }
    }
    let lying = try spool.entries(in: .quarantine)
    let rejects = lying.filter { $0.hasSuffix(".rejected") }
      .compactMap { disk.text(of: spool.path(.quarantine).appending($0).appending("a.csv")) }
    guard rejects == cargo.rejected else { throw Broken("bad rows: \(rejects), of \(lying)") }
    let quarantined = lying.filter { !$0.hasSuffix(".rejected") }
    let refused = disk.files(below: spool.path(.quarantine)).filter { $0.key.string.contains("/parts/") }
    guard quarantined.count == cargo.refused.count,
      refused.values.map({ String(decoding: $0, as: UTF8.self) }) == cargo.refused,
      quarantined.allSatisfy({
        disk.bytes(of: spool.path(.quarantine, $0).appending(DropPlan.reasonsName)) != nil
      })
    else { throw Broken("quarantine has \(quarantined)") }

    let archived = try spool.entries(in: .archive)
    guard archived.count == cargo.archived else { throw Broken("the archive has \(archived)") }
    let records = try world.ledger.read { (t) throws(LedgerFault) in try t.drops.list() }
    guard Set(records.map(\.id.description)) == Set(archived + quarantined) else {
      throw Broken("the ledger knows \(records.map(\.id))")
    }
    let ends = records.map { "\($0.outcome?.rawValue ?? "none") \($0.handedOverAt != nil)" }.sorted()
    guard ends == cargo.ends else {
      throw Broken("the ledger says \(ends)")
    }
    for id in archived {
      let plan = try machine.files.readPlan(
        DropPlan.self, at: spool.path(.archive, id).appending(DropPlan.fileName))
      let kept = disk.text(of: spool.path(.archive, id).appending("parts").appending(plan.parts[0].name))
      guard let kept, cargo.kept.contains(kept), plan.parts[0].sha256 != nil else {
        throw Broken("the archive's \(id) is not whole")
      }
    }
  }

  // The third layout is struck at every step by `cutLeaving`.
  @Test("Kills, with a consumer that leaves the files where they are", arguments: [Layout.copying, .foreign])
  func leaving(layout: Layout) async {
    var sweep = Self.sweep(.mixed, layout, takes: false)
    sweep.cutsPower = false
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 80)
  }

  @Test(
    "Kills, with a consumer that takes each file the instant it appears",
    arguments: [(Cargo.mixed, Layout.copying), (.good, .renaming)])
  func taking(cargo: Cargo, layout: Layout) async {
    var sweep = Self.sweep(cargo, layout, takes: true)
    sweep.cutsPower = false
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > (cargo == .mixed ? 80 : 30))
  }

  @Test(
    "Kills and power cuts, with drops that are handed over as something else than they came",
    arguments: [Cargo.sealed, .rejecting, .objects])
  func altered(cargo: Cargo) async {
    var sweep = Self.sweep(cargo, .copying, takes: false)
    sweep.survivals = 6
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 30)
  }

  // One drop at a time: the outcomes of a cut multiply.
  @Test(
    "Power cuts, with a consumer that leaves the files where they are", arguments: [Cargo.good, .bad],
    [Layout.copying, .renaming])
  func cutLeaving(cargo: Cargo, layout: Layout) async {
    var sweep = Self.sweep(cargo, layout, takes: false)
    sweep.survivals = 12
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 30)
  }

  @Test("Two blows in a row: a kill or a power cut, and then another")
  func twice() async {
    var sweep = Self.sweep(.good, .copying, takes: false)
    sweep.depth = 2
    sweep.survivals = 1
    sweep.stride = 41
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.runs > 40)
  }

  // With the power gone between a rename and its sync, a consumer that has already taken the file may see it again, with the same
  // name and bytes.
  @Test("Power cuts, with a consumer that takes each file the instant it appears")
  func cutTaking() async {
    var sweep = Self.sweep(.good, .copying, takes: true, mayRepeat: true)
    sweep.survivals = 12
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 30)
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
  private let log = Locked<[Taken]>([])
  var taken: [Taken] { log.withLock { $0 } }

  init(_ disk: SimFiles, _ folder: FilePath) { (self.disk, self.folder) = (disk, folder) }

  func move(_ path: FilePath, to target: FilePath) throws(FileFault) {
    try disk.move(path, to: target)
    guard target.string.hasPrefix(folder.string + "/"), let name = target.name, name.bytes.first != UInt8(ascii: ".")
    else { return }
    let bytes = try? disk.take(target, durable: false)
    log.withLock { $0.append(Taken(name: name, text: String(decoding: bytes ?? [], as: UTF8.self))) }
  }

  func list(_ directory: FilePath) throws(FileFault) -> [FileName] { try disk.list(directory) }
  func linkTarget(of path: FilePath) throws(FileFault) -> FilePath? { try disk.linkTarget(of: path) }
  func info(_ path: FilePath) throws(FileFault) -> FileInfo? { try disk.info(path) }
  func open(_ path: FilePath) throws(FileFault) -> any ReadableFile { try disk.open(path) }
  func keepOpen(_ path: FilePath) throws(FileFault) -> any KeptFile { try disk.keepOpen(path) }
  func create(_ path: FilePath, mode: AccessMode) throws(FileFault) -> any WritableFile {
    try disk.create(path, mode: mode)
  }
  func append(to path: FilePath) throws(FileFault) -> any WritableFile { try disk.append(to: path) }
  func makeDirectory(_ path: FilePath, mode: AccessMode) throws(FileFault) { try disk.makeDirectory(path, mode: mode) }
  func link(_ path: FilePath, as twin: FilePath) throws(FileFault) { try disk.link(path, as: twin) }
  func copy(_ path: FilePath, to target: FilePath, mode: AccessMode) throws(FileFault) {
    try disk.copy(path, to: target, mode: mode)
  }
  func replace(_ path: FilePath, with new: FilePath) throws(FileFault) { try disk.replace(path, with: new) }
  func sync(_ paths: [FilePath]) throws(FileFault) { try disk.sync(paths) }
  func truncate(
    _ path: FilePath, to size: UInt64, inode: UInt64, expected: UInt64
  ) throws(FileFault) -> Truncation? {
    try disk.truncate(path, to: size, inode: inode, expected: expected)
  }
  func remove(_ path: FilePath) throws(FileFault) { try disk.remove(path) }
  func writers(of path: FilePath) throws(FileFault) -> Writers { try disk.writers(of: path) }
  func freeBytes(at path: FilePath) throws(FileFault) -> UInt64 { try disk.freeBytes(at: path) }
  func set(mode: AccessMode, owner: UInt32?, group: UInt32?, of path: FilePath) throws(FileFault) {
    try disk.set(mode: mode, owner: owner, group: group, of: path)
  }
}
