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

@testable import FeedKit

@Suite("Complete sets, and nothing else")
struct CompletenessTests {
  private static let run = "c2f4a9d0-6b1e-4d27-8f35-91ab07de4455"
  private static let manifestName = "manifest-5b0c77e1-3f7a-4f0e-9a43-0d1b6a1f2c88-\(run).json"
  private static let export = "acc_segment12341e18-abcd-49c2-836d-123c88e76c39_20260312060512"

  static func manifest(_ files: [(String, Int)]) -> String {
    let listed = files.map { #"{"sinkPath":"/drops","name":"\#($0.0)","size":\#($0.1)}"# }.joined(separator: ",")
    return #"{"flowRunId":"\#(run)","scheduledTime":"2026-03-12T06:00:00Z","exportResults":[\#(listed)]}"#
  }

  private func landSet(_ rig: Rig, manifestFirst: Bool) throws {
    let files = [("a.csv", Sample.table.utf8.count), ("b.csv", Sample.other.utf8.count)]
    if manifestFirst { try rig.land(Self.manifestName, Self.manifest(files)) }
    try rig.land("a.csv", Sample.table)
    if !manifestFirst { try rig.run(1) }
    if !manifestFirst { try rig.land(Self.manifestName, Self.manifest(files)) }
    try rig.run(2)
    #expect(try rig.handedOver.isEmpty, "b.csv is not there yet")
    try rig.land("b.csv", Sample.other)
    try rig.run(2)
  }

  @Test("A manifest's files are handed over as one drop, and the manifest never", arguments: [true, false])
  func manifest(manifestFirst: Bool) throws {
    let rig = try Rig(.landingElsewhere)
    try landSet(rig, manifestFirst: manifestFirst)
    #expect(try rig.handedOver == ["a.csv", "b.csv"] && rig.landed.isEmpty)
    let drops = try rig.drops(.archive)
    #expect(drops.count == 1)
    let plan = try rig.plan(.archive, drops[0])
    #expect(plan.rows == 4 && plan.parts.map(\.role) == [nil, nil, .manifest])
    #expect(rig.events.count(.dropHandedOver) == 1)
  }

  @Test(
    "Edge case 14: a manifest that the data's pattern matches is never taken for data",
    arguments: FeedSettings.Manifest.allCases)
  func manifestIsNoData(mode: FeedSettings.Manifest) throws {
    let rig = try Rig { ($0.manifest, $0.require.empty) = (mode, .deliver) }
    try rig.land(Self.manifestName, Self.manifest([]))
    try rig.run(3)
    #expect(try rig.handedOver.isEmpty)
  }

  @Test("With `manifest: off` files go at once, and the manifest to the archive, before and behind them")
  func manifestOff() throws {
    let rig = try Rig { $0.manifest = .off }
    try rig.land(Self.manifestName, Self.manifest([("a.csv", 999), ("never.csv", 1)]))
    try rig.land("a.csv", Sample.table)
    #expect(try rig.run(2).handedOver == 1)
    try rig.land("manifest.json", Self.manifest([("b.csv", 5)]))
    let summary = try rig.run(2)
    #expect(try summary.quarantined == 0 && rig.handedOver == ["a.csv"] && rig.landed.isEmpty)
    #expect(try rig.drops(.archive).count == 3)
    #expect(rig.events.count(.dropQuarantined) == 0 && rig.events.count(.feedEmpty) == 0)
  }

  @Test("A manifest that lists no file is an empty drop, told at once", arguments: FeedSettings.Empty.allCases)
  func emptyManifest(empty: FeedSettings.Empty) throws {
    let rig = try Rig { $0.require.empty = empty }
    try rig.land("manifest-run7.json", Self.manifest([]))
    let summary = try rig.run(2)
    #expect(summary.quarantined == (empty == .quarantine ? 1 : 0) && summary.archived == (empty == .quarantine ? 0 : 1))
    #expect(rig.events.first(.feedEmpty)?.message.contains("no file that it lists") == true)
    #expect(try rig.landed.isEmpty && rig.handedOver.isEmpty)
  }

  @Test("A file that was packed since is handed over with its manifest, and one taken before is known to it")
  func packedListed() throws {
    let rig = try Rig()
    let size = Sample.table.utf8.count
    try rig.land(Self.manifestName, Self.manifest([("a.csv", size), ("b.csv", Sample.other.utf8.count)]))
    try rig.land("a.csv.gz", Sample.gzip(Sample.table))
    try rig.run(3)
    #expect(try rig.handedOver.isEmpty, "b.csv is not there yet")
    try rig.land("b.csv", Sample.other)
    #expect(try rig.run(2).handedOver == 1)
    #expect(try rig.handedOver == ["a.csv.gz", "b.csv"] && rig.landed.isEmpty && rig.drops(.archive).count == 1)
    let late = try Rig()
    try late.land("a.csv.gz", Sample.gzip(Sample.table))
    try late.land("b.csv", Sample.other)
    try late.run(2)
    try late.land(Self.manifestName, Self.manifest([("a.csv", size), ("b.csv", Sample.other.utf8.count)]))
    let summary = try late.run(2)
    #expect(try summary.settling == 0 && late.landed.isEmpty && late.drops(.archive).count == 3)
    let wrong = try Rig { $0.timeout = .seconds(60) }
    try wrong.land(Self.manifestName, Self.manifest([("a.csv", size + 1)]))
    try wrong.land("a.csv.gz", Sample.gzip(Sample.table))
    try wrong.run(3)
    wrong.pass(.seconds(61))
    #expect(try wrong.run(1).quarantined == 1)
    #expect(try wrong.reasons(.quarantine, wrong.drops(.quarantine)[0]).map(\.code) == [.sizeMismatch])
  }

  @Test("Edge case 14: a manifest without its data ends in quarantine, with the list of what is missing")
  func manifestWithoutData() throws {
    let rig = try Rig { $0.timeout = .seconds(60) }
    try rig.land(Self.manifestName, Self.manifest([("a.csv", 5), ("b.csv", 5)]))
    try rig.run(4)
    #expect(try rig.drops(.quarantine).isEmpty)
    rig.pass(.seconds(60))
    #expect(try rig.run(1).quarantined == 1)
    let reasons = try rig.reasons(.quarantine, rig.drops(.quarantine)[0])
    #expect(reasons.map(\.code) == [.incomplete, .incomplete])
    #expect(reasons.map(\.part) == [FileName("a.csv"), FileName("b.csv")])
    #expect(try rig.landed.isEmpty)
  }

  @Test(
    "Edge case 14: data without its manifest ends in quarantine where one is required, and people hear of it before")
  func dataWithoutManifest() throws {
    let rig = try Rig { ($0.manifest, $0.timeout) = (.required, .seconds(200)) }
    try rig.land("a.csv", Sample.table)
    try rig.run(2)
    rig.pass(.seconds(60))
    try rig.run(1)
    #expect(rig.events.count(.dropWaiting) == 1 && rig.events.first(.dropWaiting)?.message.contains("manifest") == true)
    rig.pass(.seconds(200))
    try rig.run(1)
    let id = try #require(try rig.drops(.quarantine).first)
    #expect(try rig.reasons(.quarantine, id).map(\.code) == [.incomplete])
    try rig.engine.release(try #require(DropID(id)), by: Requester("j.doe", reason: "whole"), at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
  }

  @Test("Edge case 14: a manifest of another run, with other sizes, releases nothing")
  func otherRun() throws {
    let rig = try Rig { $0.timeout = .seconds(60) }
    try rig.land("a.csv", Sample.table)
    try rig.land(Self.manifestName, Self.manifest([("a.csv", 999)]))
    try rig.run(4)
    #expect(try rig.handedOver.isEmpty)
    rig.pass(.seconds(60))
    try rig.run(1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.sizeMismatch])
    #expect(try rig.handedOver.isEmpty)
  }

  @Test("A manifest that comes late, after its files, is put away without a word")
  func lateManifest() throws {
    let rig = try Rig()
    try rig.land("a.csv", Sample.table)
    try rig.run(2)
    try rig.land(Self.manifestName, Self.manifest([("a.csv", Sample.table.utf8.count)]))
    let summary = try rig.run(2)
    #expect(summary.quarantined == 0 && summary.settling == 0)
    #expect(try rig.landed.isEmpty && rig.handedOver == ["a.csv"] && rig.drops(.archive).count == 2)
    #expect(rig.events.count(.feedEmpty) == 0)
  }

  @Test("Edge case 8: split parts that come out of order are one drop, in the order of their numbers")
  func parts() throws {
    let rig = try Rig { $0.handoverName = "{drop}-{name}" }
    for part in ["_3", "_2"] { try rig.land("\(Self.export)\(part).csv", Sample.table) }
    try rig.run(3)
    #expect(try rig.handedOver.isEmpty)
    try rig.land("\(Self.export).csv", Sample.other)
    try rig.run(2)
    let plan = try rig.plan(.archive, try #require(try rig.drops(.archive).first))
    #expect(plan.parts.map(\.name.description) == ["", "_2", "_3"].map { "\(Self.export)\($0).csv" })
    #expect(try rig.handedOver.count == 3 && plan.rows == 7)
  }

  @Test("Edge case 8: a set that is never complete ends in quarantine, with the part that is missing")
  func missingPart() throws {
    let rig = try Rig { $0.timeout = .seconds(60) }
    try rig.land("\(Self.export)_2.csv", Sample.table)
    try rig.run(3)
    rig.pass(.seconds(60))
    try rig.run(1)
    let reasons = try rig.reasons(.quarantine, try #require(try rig.drops(.quarantine).first))
    #expect(reasons.map(\.part) == [FileName("\(Self.export).csv")])
  }

  @Test("One bad part refuses the whole set")
  func badPart() throws {
    let rig = try Rig()
    try rig.land("x.csv", Sample.table)
    try rig.land("x_2.csv", Sample.crooked)
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.handedOver.isEmpty && rig.landed.isEmpty)
    let reasons = try rig.reasons(.quarantine, try rig.drops(.quarantine)[0])
    #expect(reasons.map(\.part) == [FileName("x_2.csv")])
  }

  @Test("Markers are waited for, never handed over, and leave landing with their file")
  func marker() throws {
    let rig = try Rig { ($0.marker, $0.include) = ("{name}.done", ["*.csv"]) }
    try rig.land("a.csv", Sample.table)
    try rig.run(4)
    #expect(try rig.handedOver.isEmpty)
    try rig.land("a.csv.done", "")
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handedOver == ["a.csv"] && rig.landed.isEmpty)
    try rig.land("a.csv", Sample.other)
    try rig.run(3)
    #expect(try rig.landed == ["a.csv"], "an old marker does not vouch for a new file")
  }

  @Test("A folder that comes together with its first file is looked into", arguments: [true, false])
  func recursive(isOn: Bool) throws {
    let rig = try Rig { $0.recursive = isOn }
    let folder = rig.settings.landing.appending("vip/2026")
    try rig.files.ensureDirectory(folder)
    try rig.put(folder.appending("a.csv"), Array(Sample.table.utf8))
    try rig.files.ensureDirectory(rig.settings.landing.appending(".hidden"))
    try rig.put(rig.settings.landing.appending(".hidden/b.csv"), Array(Sample.other.utf8))
    try rig.run(2)
    #expect(try rig.handedOver == (isOn ? ["a.csv"] : []))
    guard isOn else { return }
    #expect(try rig.names(in: folder).isEmpty)
    try rig.files.remove(folder)
    try rig.land("c.csv", Sample.other)
    #expect(try rig.run(2).trouble == nil)
    #expect(try rig.handedOver == ["a.csv", "c.csv"])
  }

  // MARK: killed at every step

  private struct Broken: Error, CustomStringConvertible { let description: String }
  private final class World {
    let ledger: Ledger
    let salts = Counter()
    let seconds = Counter()
    init(_ machine: SimMachine) throws { ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate) }
  }

  @Test("A set that is cut off at any step is handed over whole, once", arguments: [true, false])
  func swept(cutsPower: Bool) async throws {
    let (landing, handover, state) = (FilePath("/srv/landing"), FilePath("/srv/import"), StateFolder("/state"))
    var settings = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
    (settings.settle, settings.marker) = (.seconds(1), "{name}.done")
    let texts = ["x.csv": Sample.table, "x_2.csv": Sample.other]
    var sweep = CrashSweep<World>(
      "a set",
      prepare: { machine in
        for (name, text) in texts {
          try machine.files.put(landing.appending(FileName(name)), text)
          try machine.files.put(landing.appending(FileName(name + ".done")), "")
        }
        let files = texts.map { ($0.key, $0.value.utf8.count) }.sorted { $0.0 < $1.0 }
        try machine.files.put(landing.appending(FileName(Self.manifestName)), Self.manifest(files))
        try machine.files.outside { disk in
          try disk.makeFolder(handover)
          try disk.makeFolder(state.root)
          disk.knobs.mounts = [landing, handover, state.root]
        }
        return try World(machine)
      },
      life: { machine, world in
        var engine = FeedWorker(
          settings, state: state, files: machine.files, ledger: world.ledger, events: EventLog(),
          salt: { world.salts.next() })
        for _ in 0..<2 {
          let seconds = Int64(world.seconds.next()) * 5
          let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + seconds), uptime: .seconds(seconds))
          let summary = try engine.pass(at: now)
          if let why = summary.trouble { throw Broken(description: "paused: \(why)") }
        }
      },
      check: { machine, world in
        let disk = machine.files.snapshot
        let handed = disk.files(below: handover).map { ($0.key.lastComponent?.string ?? "", $0.value) }
        let there = Dictionary(uniqueKeysWithValues: handed).mapValues { String(decoding: $0, as: UTF8.self) }
        guard there == texts else { throw Broken(description: "handed over: \(there.keys.sorted())") }
        guard disk.names(in: landing).isEmpty else { throw Broken(description: "left: \(disk.names(in: landing))") }
        let spool = Spool<DropPlace>(root: state.feed(settings.name), files: machine.files)
        let all = try DropPlace.allCases.flatMap { place in try spool.entries(in: place).map { (place, $0) } }
        guard all.count == 1, let (place, id) = all.first, place == .archive else {
          throw Broken(description: "places: \(all)")
        }
        let kept = disk.files(below: spool.path(.archive, id)).keys.filter { $0.string.contains("/parts/") }
        guard kept.count == 5 else { throw Broken(description: "the archive keeps \(kept)") }
      })
    sweep.cutsPower = cutsPower
    sweep.survivals = 3
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 60)
  }
}
