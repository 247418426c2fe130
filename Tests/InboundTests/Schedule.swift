import Config
import Core
import Files
import Inbound
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing
import Threads

@testable import FeedKit

/// One run of the inbound lane beside senders and a collector, who act between any two calls of it. The same seed is the same run.
struct Schedule {
  static let state = StateFolder("/state")

  let seed: UInt64
  let machine = SimMachine()
  let ledger: Ledger
  let events = EventLog()
  let salts = Counter()
  let settings: FeedSettings
  var now = Moment(wall: Timestamp(seconds: 1_773_300_000), uptime: .seconds(100))
  var dice: SteadyNumbers
  /// Of its own: what else happens does not depend on it.
  var fate: SteadyNumbers
  let isDeadly: Bool
  private let others: Locked<Others>

  private struct Others {
    var sender: Sender
    var dice: SteadyNumbers
    var isLive = true
  }

  init(seed: UInt64, isDeadly: Bool) throws {
    self.seed = seed
    self.isDeadly = isDeadly
    dice = .thrown(seed &* 7919 &+ 1)
    fate = .thrown(seed &* 104_729 &+ 7)
    ledger = try Ledger(path: nil, gateForTests: machine.points.ledgerGate)
    var settings = FeedSettings(
      name: try #require(FeedName("audiences")), landing: Sender.landing, handover: Sender.handover)
    settings.settle = .seconds(1)
    self.settings = settings
    let (isForeign, isCopying) = (dice.oneIn(3), dice.oneIn(2))
    try machine.files.outside { disk in
      for folder in [Sender.landing, Sender.handover, Self.state.root] { try disk.makeFolder(folder) }
      if isCopying { disk.knobs.mounts = [Sender.landing, Sender.handover, Self.state.root] }
      if isForeign { disk.knobs.foreign = [Sender.landing] }
    }
    let sender = Sender(seed: seed, rounds: 3 + dice.below(6), isForeign: isForeign)
    others = Locked(Others(sender: sender, dice: dice))
  }

  private func makeEngine() -> FeedWorker {
    var dice = dice
    let (pace, isShaky) = ([6, 15, 40][dice.below(3)], dice.oneIn(3))
    let (files, others) = (machine.files, others)
    let disk = ShakyFiles(files) { (call) throws(FileFault) in
      others.withLock { others in
        if others.isLive, others.dice.oneIn(pace) { others.sender.act(on: files) }
      }
      if isShaky, others.withLock({ $0.isLive && $0.dice.oneIn(150) }) {
        throw FileFault(.io, "Cannot \(call)", at: "a shaky disk", why: "as the test asked")
      }
    }
    let salts = salts
    return FeedWorker(
      settings, state: Self.state, files: disk, ledger: ledger, events: events, salt: { salts.next() },
      decrypter: ToyDecrypter())
  }

  private mutating func pass(_ engine: inout FeedWorker, _ passes: Int, every: Duration) {
    for _ in 0..<passes {
      _ = try? engine.pass(at: now)
      now = Moment(wall: now.wall + every, uptime: now.uptime + every)
    }
  }

  /// What went wrong; nil where nothing did.
  mutating func run() throws -> String? {
    var engine = makeEngine()
    while others.withLock({ !$0.sender.isOver }) {
      if dice.oneIn(6) {
        if isDeadly { machine.restart(&fate, mostSteps: 300) }
        engine = makeEngine()
      }
      pass(&engine, 1 + dice.below(3), every: [.milliseconds(300), .seconds(2)][dice.below(2)])
      if dice.oneIn(3) { act() }
      if !machine.points.isAlive {
        machine.restart(&fate, mostSteps: 300)
        engine = makeEngine()
      }
      guard others.withLock({ $0.sender.isResting }) else { continue }
      pass(&engine, 8, every: .seconds(3))
      others.withLock { $0.sender.wake() }
    }
    others.withLock { $0.isLive = false }
    machine.files.reboot()
    engine = makeEngine()
    pass(&engine, 20, every: .seconds(30))
    let files = machine.files
    try others.withLock { try $0.sender.collect(from: files) }
    return try fault().map { "seed \(seed): \($0): \(others.withLock { $0.sender })" }
  }

  private func act() {
    let files = machine.files
    others.withLock { $0.sender.act(on: files) }
  }

  private func fault() throws -> String? {
    let disk = machine.files.snapshot
    let left = disk.names(in: Sender.landing)
    guard left.isEmpty else { return "landing still has \(left)" }
    let spool = Spool<DropPlace>(root: Self.state.feed(settings.name), files: machine.files)
    for place in [DropPlace.gathering, .claimed, .handover, .held] {
      let left = try spool.entries(in: place)
      guard left.isEmpty else { return "\(place.rawValue) still has \(left)" }
    }
    let refused = disk.files(below: spool.path(.quarantine)).filter { $0.key.string.contains("/parts/") }.values
      .map { String(decoding: $0, as: UTF8.self) }
    let sender = others.withLock { $0.sender }
    guard refused.sorted() == (1...sender.files).filter({ !Sender.isGood($0) }).map(Sender.text).sorted() else {
      return "quarantine has \(refused)"
    }
    let good = (1...sender.files).filter(Sender.isGood).map(Sender.text)
    // With the power gone between a rename and its sync, a collector may see a file again that it has taken, under the same name.
    let taken = isDeadly ? Array(Set(sender.taken)) : sender.taken
    guard taken.map(\.text).sorted() == good.sorted() else { return "handed over \(sender.taken)" }
    return nil
  }
}
