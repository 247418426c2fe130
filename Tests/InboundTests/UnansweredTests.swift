import Config
import Core
import Files
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import FeedKit
@testable import Inbound

/// Another user's files, of which the kernel does not say who writes them.
@Suite("Where nobody can say who writes a file")
struct UnansweredTests {
  private let landing: FilePath = "/srv/landing"
  private let handover: FilePath = "/srv/import"
  private let files = SimFiles()

  private func worker(_ settle: FeedSettings.Settle) throws -> FeedWorker {
    var settings = FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: handover)
    settings.settle = settle
    try files.put(landing.appending("a.csv"), Sample.table)
    try files.outside { disk in
      try disk.makeFolder(handover)
      try disk.makeFolder("/state")
      disk.knobs.foreign = [landing]
    }
    return FeedWorker(
      settings, state: StateFolder("/state"), files: files, ledger: try Ledger(path: nil), events: EventLog(),
      salt: { 7 })
  }

  /// Seconds after which it is handed over; nil: not within two minutes.
  private func handedOver(_ worker: inout FeedWorker, each: (Int) throws -> Void = { _ in }) throws -> Int? {
    for second in 0..<120 {
      try each(second)
      let now = Moment(wall: Timestamp(seconds: 1_773_300_000 + Int64(second)), uptime: .seconds(second))
      if try worker.pass(at: now).handedOver == 1 { return second }
    }
    return nil
  }

  @Test("half a minute of silence is asked for, not two seconds")
  func automatic() throws {
    var worker = try worker(.auto)
    #expect(try handedOver(&worker) == 30)
  }

  @Test("a pause of twenty seconds in an upload is none: what was written afterwards is in it")
  func pausing() throws {
    var worker = try worker(.auto)
    let whole = Sample.table + "b@example.com,2\n"
    let second = try handedOver(&worker) { second in
      if second == 20 { try files.put(landing.appending("a.csv"), whole) }
    }
    #expect(second == 50)
    #expect(files.snapshot.files(below: handover).values.map { String(decoding: $0, as: UTF8.self) } == [whole])
  }

  @Test("what somebody has set holds")
  func fixed() throws {
    var worker = try worker(.seconds(5))
    #expect(try handedOver(&worker) == 5)
  }
}
