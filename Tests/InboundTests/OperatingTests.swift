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

@Suite("What people ask for")
struct OperatingTests {
  private let who = Requester("j.doe", reason: "agreed with the sender")

  private func refused() throws -> (rig: Rig, id: DropID) {
    let rig = try Rig()
    try rig.land("a.csv", Sample.crooked)
    try rig.run()
    return (rig, try #require(DropID(try rig.drops(.quarantine)[0])))
  }

  private func history(_ rig: Rig, _ id: DropID) throws -> [HistoryLine] {
    try rig.ledger.read { (t) throws(LedgerFault) in try t.history.lines(of: id) }
  }

  @Test("A released drop is handed over all the same, and the ledger keeps who and why")
  func release() throws {
    let (rig, id) = try refused()
    try rig.engine.release(id, by: who, at: rig.now)
    #expect(try rig.drops(.claimed) == [id.description] && rig.drops(.quarantine).isEmpty)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handed("a.csv") == Sample.crooked)
    let lines = try history(rig, id)
    #expect(lines.map(\.event) == ["drop_seen", "drop_quarantined", "drop_released", "checked", "drop_handed_over"])
    #expect(lines[2].detail.contains("j.doe") && lines[2].detail.contains("agreed with the sender"))
    #expect(rig.events.count(.dropReleased) == 1)
    #expect(try rig.record(id.description)?.outcome == .accepted)
  }

  @Test("An override lets pass what was known, and no more")
  func overrideIsBounded() throws {
    let (rig, id) = try refused()
    rig.settings.require.columns = ["status"]
    rig.engine.reload(rig.settings)
    try rig.engine.release(id, by: who, at: rig.now)
    #expect(try rig.run(1).quarantined == 1)
    #expect(try rig.reasons(.quarantine, id.description).map(\.code) == [.missingColumn])
    try rig.engine.release(id, by: who, at: rig.now)
    #expect(try rig.run(1).handedOver == 1, "the second release adds to the first")
    #expect(rig.events.count(.dropReleased) == 2)
  }

  @Test("A released drop is handed over even where its content was handed over before")
  func releaseDuplicate() throws {
    let rig = try Rig { $0.duplicates = .quarantine }
    try rig.land("a.csv", Sample.table)
    try rig.land("b.csv", Sample.table)
    try rig.run()
    try rig.engine.release(try #require(DropID(try rig.drops(.quarantine)[0])), by: who, at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.handedOver.count == 2)
  }

  @Test("A drop that is checked again is judged by the rules of now; what was found before is forgotten")
  func retry() throws {
    let rig = try Rig { $0.require.columns = ["status"] }
    try rig.land("a.csv", Sample.table)
    try rig.run()
    let id = try #require(DropID(try rig.drops(.quarantine)[0]))
    try rig.engine.retry(id, at: rig.now)
    #expect(try rig.run(1).quarantined == 1, "nothing has changed")
    rig.settings.require.columns = []
    rig.engine.reload(rig.settings)
    try rig.engine.retry(id, at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.files.info(rig.spool.path(.archive, id).appending(DropPlan.reasonsName)) == nil)
    #expect(try rig.run(2).handedOver == 0)
  }

  @Test("All that is held is checked again at once; what was refused stays so")
  func retryAll() throws {
    let rig = try Rig { $0.collision = .fail }
    try rig.put(rig.settings.handover.appending("a.csv"), [])
    try rig.land("a.csv", Sample.table)
    try rig.land("bad.csv", Sample.crooked)
    try rig.run()
    #expect(try rig.drops(.held).count == 1)
    try rig.files.remove(rig.settings.handover.appending("a.csv"))
    #expect(try rig.engine.retryAll(at: rig.now) == 1)
    #expect(try rig.run(1).handedOver == 1)
    #expect(try rig.drops(.quarantine).count == 1)
  }

  @Test("A retry ends the wait of a feed that paused for a fault")
  func retryPaused() throws {
    let rig = try Rig()
    try rig.files.remove(rig.settings.handover)
    try rig.land("a.csv", Sample.table)
    try rig.run(2)
    try rig.files.makeDirectory(rig.settings.handover, mode: .stateDirectory)
    let id = try #require(DropID(try rig.drops(.claimed)[0]))
    rig.pass(.milliseconds(-2_900))
    #expect(try rig.run(1).handedOver == 0, "it would wait")
    rig.pass(.milliseconds(-2_900))
    try rig.engine.retry(id, at: rig.now)
    #expect(try rig.run(1).handedOver == 1)
  }

  @Test("What is purged loses its data, and is still known", arguments: [DropPlace.archive, .quarantine, .held])
  func purge(place: DropPlace) throws {
    let rig = try Rig { $0.collision = .fail }
    if place == .held { try rig.put(rig.settings.handover.appending("a.csv"), []) }
    try rig.land("a.csv", place == .quarantine ? Sample.crooked : Sample.table)
    try rig.run()
    let id = try #require(DropID(try rig.drops(place)[0]))
    try rig.engine.purge(id, by: who, at: rig.now)
    try rig.engine.purge(id, by: who, at: rig.now)
    let there: DropPlace = place == .archive ? .archive : .quarantine
    #expect(try rig.drops(there) == [id.description])
    #expect(try rig.files.info(rig.spool.path(there, id).appending(DropPlan.partsName)) == nil)
    #expect(try rig.plan(there, id.description).parts[0].sha256 != nil)
    #expect(try history(rig, id).last?.detail == "Purged from \(place.rawValue) by j.doe: agreed with the sender")
    #expect(throws: place == .archive ? OperatorRefusal.wrongPlace(id, .archive) : .withoutData(id)) {
      try rig.engine.release(id, by: who, at: rig.now)
    }
    if place == .archive {
      try rig.land("again.csv", Sample.table)
      #expect(try rig.run().duplicates == 1)
    }
  }

  @Test("A purge by time takes what is older, and nothing else")
  func purgeBefore() throws {
    let rig = try Rig()
    try rig.land("old.csv", Sample.table)
    try rig.land("bad.csv", Sample.crooked)
    try rig.run()
    rig.pass(.seconds(3_600))
    let border = rig.wall
    try rig.land("new.csv", Sample.other)
    try rig.run()
    #expect(try rig.engine.purge(before: border, by: who, at: rig.now) == 2)
    #expect(try rig.engine.purge(before: border, by: who, at: rig.now) == 0)
    let left = try rig.drops(.archive).filter {
      try rig.files.info(rig.spool.path(.archive, $0).appending(DropPlan.partsName)) != nil
    }
    #expect(left.count == 1)
    let survey = try InboundSurvey(rig.settings, state: rig.state, files: rig.files)
    #expect(survey.quarantine == 0 && survey.pausedSince == nil)
  }

  @Test("A paused feed takes and hands over nothing until it is resumed, across restarts")
  func pause() throws {
    let rig = try Rig()
    #expect(try rig.engine.pause(by: who, at: rig.now))
    #expect(try !rig.engine.pause(by: who, at: rig.now))
    try rig.land("a.csv", Sample.table)
    var summary = try rig.run(3)
    #expect(summary.isPaused && summary.trouble == nil)
    rig.restart()
    summary = try rig.run(3)
    #expect(try rig.landed == ["a.csv"] && rig.handedOver.isEmpty)
    #expect(try InboundSurvey(rig.settings, state: rig.state, files: rig.files).pausedSince != nil)
    try rig.engine.resume(by: who)
    try rig.engine.resume(by: who)
    summary = try rig.run(2)
    #expect(summary.handedOver == 1 && !summary.isPaused)
    #expect(rig.events.count(.lanePaused) == 1 && rig.events.count(.laneResumed) == 1)
  }

  @Test("What cannot be done is refused with the reason, and changes nothing")
  func refusals() throws {
    let (rig, id) = try refused()
    let other = DropID(seen: rig.wall, salt: 7)
    #expect(throws: OperatorRefusal.unknownDrop(other)) { try rig.engine.release(other, by: who, at: rig.now) }
    try rig.engine.retry(id, at: rig.now)
    #expect(throws: OperatorRefusal.wrongPlace(id, .claimed)) { try rig.engine.purge(id, by: who, at: rig.now) }
    #expect(throws: OperatorRefusal.wrongPlace(id, .claimed)) { try rig.engine.release(id, by: who, at: rig.now) }
  }

  // MARK: killed at every step

  private enum Act: CaseIterable { case release, retry, purge }

  private final class World {
    let ledger: Ledger
    let salts = Counter()
    let seconds = Counter()
    let events = EventLog()
    /// The request is kept until it was carried out, as the request's file is.
    var isDone = false
    init(_ machine: SimMachine) throws { ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate) }
  }

  private struct Broken: Error, CustomStringConvertible { let description: String }

  @Test("A request that is cut off at any step is carried out by the next process", arguments: Act.allCases)
  private func swept(act: Act) async throws {
    let (landing, handover, state) = (FilePath("/srv/landing"), FilePath("/srv/import"), StateFolder("/state"))
    var settings = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
    settings.settle = .seconds(1)
    let who = who
    var sweep = CrashSweep<World>(
      "operator, \(act)",
      prepare: { machine in
        try machine.files.put(landing.appending("a.csv"), Sample.crooked)
        try machine.files.outside { disk in
          try disk.makeFolder(handover)
          try disk.makeFolder(state.root)
        }
        return try World(machine)
      },
      life: { machine, world in
        var engine = FeedWorker(
          settings, state: state, files: machine.files, ledger: world.ledger, events: world.events,
          salt: { world.salts.next() })
        for round in 0..<4 {
          let seconds = Int64(world.seconds.next()) * 5
          let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + seconds), uptime: .seconds(seconds))
          let summary = try engine.pass(at: now)
          if let why = summary.trouble { throw Broken(description: "paused: \(why)") }
          guard round == 2, !world.isDone else { continue }
          let spool = Spool<DropPlace>(root: state.feed(settings.name), files: machine.files)
          guard let id = try spool.entries(in: .quarantine).compactMap({ DropID($0) }).first else { continue }
          switch act {
          case .release: try engine.release(id, by: who, at: now)
          case .retry: try engine.retry(id, at: now)
          case .purge: try engine.purge(id, by: who, at: now)
          }
          world.isDone = true
        }
      },
      check: { machine, world in
        let disk = machine.files.snapshot
        let spool = Spool<DropPlace>(root: state.feed(settings.name), files: machine.files)
        let place: DropPlace = act == .release ? .archive : .quarantine
        let all = try DropPlace.allCases.flatMap { place in try spool.entries(in: place).map { (place, $0) } }
        guard all.count == 1, all[0].0 == place, let id = DropID(all[0].1) else {
          throw Broken(description: "it lies in \(all)")
        }
        let parts = disk.files(below: spool.path(place, id)).keys.filter { $0.string.contains("/parts/") }
        guard parts.count == (act == .purge ? 0 : 1) else { throw Broken(description: "parts: \(parts)") }
        let handed = disk.files(below: handover).values.map { String(decoding: $0, as: UTF8.self) }
        guard handed == (act == .release ? [Sample.crooked] : []) else { throw Broken(description: "handed \(handed)") }
        let events = try world.ledger.read { (t) throws(LedgerFault) in try t.history.lines(of: id).map(\.event) }
        let told = events.count { $0 == "drop_released" }
        guard told == (act == .release ? 1 : 0) else { throw Broken(description: "the ledger says \(events)") }
        if act == .purge, !events.contains("purged") { throw Broken(description: "the ledger says \(events)") }
      })
    sweep.survivals = 4
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 30)
  }
}
