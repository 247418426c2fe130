import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import SystemPackage
import Testing

@testable import FeedKit

/// The calendar in the engine: what is told, when, and across restarts.
@Suite("Drops that are due")
struct ExpectingTests {
  /// By 06:00 in Paris, which is 05:00 UTC. The clock stands at 03:00 of that day.
  private func rig(second: Int64? = nil, _ change: (inout FeedSettings) -> Void = { _ in }) throws -> Rig {
    let six = try #require(TimeOfDay(hour: 6, minute: 0))
    let rig = try Rig { settings in
      settings.expect = FeedSettings.Expect(by: six)
      settings.expect?.timezone = "Europe/Paris"
      change(&settings)
    }
    // A file's ctime is the machine's own; so the rig lives today, and expects something in two hours.
    rig.wall = SystemClock.wall()
    if let second { rig.wall = Timestamp(seconds: rig.wall.seconds / 60 * 60 + second) }
    let due = rig.wall + .seconds(7_200)
    let paris = try #require(SystemZone.named("Europe/Paris")).local(due)
    rig.settings.expect?.by = [try #require(TimeOfDay(hour: paris.hour, minute: paris.minute))]
    rig.restart()
    return rig
  }

  private func names(_ rig: Rig) -> [String] {
    rig.events.all.map(\.kind.rawValue).filter { $0.hasPrefix("feed_") }
  }

  private func survey(_ rig: Rig) throws -> DueSurvey {
    try #require(try DueSurvey(rig.settings, ledger: rig.ledger, at: rig.wall, isSure: true))
  }

  @Test("Nothing came: late, once, with the due time; then the drop comes, and the alarm is over")
  func late() throws {
    let rig = try rig()
    try rig.run(2)
    #expect(try !survey(rig).isLate && names(rig).isEmpty)
    rig.pass(.seconds(9_000))
    try rig.run(3)
    #expect(names(rig) == ["feed_late"])
    let event = try #require(rig.events.first(.feedLate))
    #expect(event.fields[.reason] == "due \(try survey(rig).due.iso())" && event.message.contains("Europe/Paris"))
    #expect(try survey(rig).isLate && survey(rig).words.hasPrefix("late: a drop was due by "))
    rig.restart()
    try rig.run(3)
    #expect(names(rig) == ["feed_late"], "a restart tells nothing again")
    try rig.land("a.csv", Sample.table)
    // By the machine's own clock it came in time; what was told as late is over all the same.
    try rig.run(2)
    #expect(names(rig) == ["feed_late", "feed_arrived"])
    #expect(rig.events.first(.feedArrived)?.fields[.drop] == (try rig.drops(.archive).first))
    #expect(try !survey(rig).isLate)
  }

  @Test("The lane sleeps until the very deadline")
  func exactly() throws {
    let rig = try rig()
    let deadline = try survey(rig).due + .seconds(1_800)
    var passes = 0
    while names(rig).isEmpty, passes < 10 {
      let next = try #require(try rig.engine.pass(at: rig.now).next)
      if names(rig).isEmpty { rig.pass(next - rig.uptime) }
      passes += 1
    }
    #expect(names(rig) == ["feed_late"] && passes < 6, "the sweeps of the places come in between")
    #expect(rig.wall >= deadline && rig.wall - deadline < .milliseconds(2))
  }

  @Test("A refused drop does not meet the due time, a released one does; an empty one is empty, not missing")
  func refused() throws {
    let rig = try rig()
    try rig.run(1)
    try rig.land("bad.csv", Sample.crooked)
    try rig.run()
    rig.pass(.seconds(9_000))
    try rig.run(1)
    #expect(names(rig) == ["feed_late"])
    let id = try #require(DropID(try rig.drops(.quarantine)[0]))
    try rig.engine.release(id, by: Requester("j.doe", reason: "agreed"), at: rig.now)
    try rig.run(1)
    #expect(names(rig) == ["feed_late", "feed_arrived"])
    let other = try self.rig()
    try other.run(1)
    try other.land("none.csv", "id,email\n")
    try other.run()
    other.pass(.seconds(9_000))
    try other.run(2)
    #expect(names(other) == ["feed_empty"])
  }

  @Test("An agent that was down over the deadline tells on start, unless the drop lies there")
  func down() throws {
    let rig = try rig()
    try rig.run(1)
    rig.pass(.seconds(9_000))
    rig.restart()
    try rig.run(1)
    #expect(names(rig) == ["feed_late"], "nothing lies there, so nothing has to settle")
    let other = try self.rig()
    try other.run(1)
    try other.land("a.csv", Sample.table)
    other.pass(.seconds(9_000))
    other.restart()
    try other.run(3)
    #expect(names(other).isEmpty, "it was there in time")
  }

  @Test("A new feed, a changed rule and one that was away for a while miss nothing of the past")
  func changed() throws {
    let rig = try rig()
    rig.pass(.seconds(10_000))
    try rig.run(2)
    #expect(names(rig).isEmpty, "its rule is as old as its first pass")
    rig.settings.expect?.grace = .seconds(60)
    rig.restart()
    try rig.run(2)
    #expect(names(rig).isEmpty)
    let rule = rig.settings.expect
    rig.settings.expect = nil
    rig.restart()
    try rig.run(1)
    rig.pass(.seconds(3 * 86_400))
    rig.settings.expect = rule
    rig.restart()
    try rig.run(2)
    #expect(names(rig).isEmpty)
  }

  @Test("A rule that changes after today's drop has come knows of it, as does a ledger that was lost")
  func known() throws {
    let rig = try rig()
    try rig.run(1)
    try rig.land("a.csv", Sample.table)
    try rig.run()
    rig.settings.expect?.grace = .seconds(60)
    rig.restart()
    try rig.run(1)
    rig.restart(ledger: try Ledger(path: nil))
    try rig.run(1)
    rig.pass(.seconds(9_000))
    try rig.run(1)
    #expect(names(rig).isEmpty)
  }

  @Test("A paused feed tells nothing; when it goes on, what lay there in time was in time")
  func paused() throws {
    let rig = try rig()
    try rig.run(1)
    try rig.engine.pause(by: Requester("j.doe", reason: "a move"), at: rig.now)
    try rig.land("a.csv", Sample.table)
    rig.pass(.seconds(9_000))
    try rig.run(2)
    try rig.engine.resume(by: Requester("j.doe", reason: "moved"))
    try rig.run(3)
    #expect(names(rig).isEmpty && rig.events.count(.dropHandedOver) == 1)
  }

  // What is due is due in whole minutes: here in 7,141 to 7,200 seconds.
  @Test(
    "A landing folder that is away is late all the same, once it has been away for a minute",
    arguments: [0, 30, 59] as [Int64])
  func away(second: Int64) throws {
    let rig = try rig(second: second)
    try rig.files.remove(rig.settings.landing)
    try rig.run(1)
    rig.pass(.seconds(8_990))
    try rig.run(1)
    #expect(names(rig).isEmpty)
    rig.pass(.seconds(75))
    try rig.run(2)
    #expect(names(rig) == ["feed_late"])
    let started = try self.rig()
    try started.run(1)
    started.pass(.seconds(9_000))
    try started.files.remove(started.settings.landing)
    started.restart()
    try started.run(3)
    #expect(names(started).isEmpty, "it may be mounted a little later than the agent was started")
  }

  @Test("The second drop of a day is extra, and says so in its history")
  func extra() throws {
    let rig = try rig()
    try rig.run(1)
    for number in 1...3 { try rig.land("\(number).csv", "id\n\(number)\n") }
    try rig.run()
    #expect(names(rig) == ["feed_extra"])
    let id = try #require(rig.events.first(.feedExtra)?.fields[.drop].flatMap { DropID($0) })
    let history = try rig.ledger.read { (t) throws(LedgerFault) in try t.history.lines(of: id) }
    #expect(history.map(\.event).contains("feed_extra"))
  }
}
