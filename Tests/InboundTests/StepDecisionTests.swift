import Config
import Core
import Files
import Formats
import Spool
import SystemPackage
import Testing

@testable import Inbound

/// What the steps of a feed decide, without a disk.
@Suite("Decisions of the inbound steps")
struct StepDecisionTests {
  private let seen = Timestamp(nanoseconds: 1_773_900_000_000_000_000)

  private func settings(_ change: (inout FeedSettings) -> Void = { _ in }) throws -> FeedSettings {
    var settings = FeedSettings(name: try #require(FeedName("f")), landing: "/l", handover: "/h")
    change(&settings)
    return settings
  }

  private func plan(_ names: [String], salt: UInt32 = 1, sha: String? = nil) throws -> DropPlan {
    let parts = names.map { name in
      var part = DropPart(name: FileName(name), landing: "/l", size: 5, inode: 1, changed: 1)
      part.sha256 = sha.map { DigestHasher.digest(of: Array($0.utf8)) }
      return part
    }
    return try DropPlan(id: DropID(seen: seen, salt: salt), feed: settings().name, seenAt: seen, parts: parts)
  }

  // MARK: Names in the hand-over folder

  private func names(_ collision: FeedSettings.Collision) throws -> HandoverNames {
    try HandoverNames(try settings { $0.collision = collision })
  }

  @Test("A name that is taken, in the folder or by a drop of the same pass, gets a number")
  func renamed() throws {
    var names = try names(.rename)
    let there: Set<FileName> = ["a.csv", "a-3.csv"]
    let first = try names.choose(for: try plan(["a.csv"])) { (name) throws(FileFault) in there.contains(name) }
    #expect(first.value?.parts.map(\.finalName) == ["a-2.csv"])
    let second = try names.choose(for: try plan(["a.csv", "b.csv"])) { (name) throws(FileFault) in there.contains(name)
    }
    #expect(second.value?.parts.map(\.finalName) == ["a-4.csv", "b.csv"])
  }

  @Test("With `fail`, a drop whose name is taken is set aside, and none of its names is kept from others")
  func refused() throws {
    var names = try names(.fail)
    let there: Set<FileName> = ["b.csv"]
    let refused = try names.choose(for: try plan(["a.csv", "b.csv"])) { (name) throws(FileFault) in there.contains(name)
    }
    guard case .setAside(let reason) = refused else {
      Issue.record("it was given a name")
      return
    }
    #expect(reason.code == .nameTaken)
    #expect(reason.part == "b.csv")
    #expect(try names.choose(for: plan(["a.csv"])) { (_) throws(FileFault) in false }.isDone)
    #expect(try !names.choose(for: plan(["a.csv"])) { (_) throws(FileFault) in false }.isDone)
  }

  @Test("With `replace`, nobody asks what is there")
  func replaced() throws {
    var names = try names(.replace)
    let chosen = try names.choose(for: try plan(["a.csv"])) { (_) throws(FileFault) in
      Issue.record("asked")
      return true
    }
    #expect(chosen.value?.parts.map(\.finalName) == ["a.csv"])
  }

  @Test("What a drop gives back is another one's")
  func givenBack() throws {
    var names = try names(.rename)
    let first = try #require(try names.choose(for: plan(["a.csv"])) { (_) throws(FileFault) in false }.value)
    names.giveBack(first)
    let second = try names.choose(for: try plan(["a.csv"], salt: 2)) { (_) throws(FileFault) in false }
    #expect(second.value?.parts.map(\.finalName) == ["a.csv"])
  }

  @Test(
    "A part loses the ending of what is taken off it",
    arguments: [
      ("a.csv.gpg", true, "a.csv"), ("a.csv.PGP", true, "a.csv"), ("a.csv.gpg", false, "a.csv.gpg"),
      (".gpg", true, ".gpg"),
    ])
  func clearName(name: String, isDecrypted: Bool, expected: String) {
    var part = DropPart(name: FileName(name), landing: "/l", size: 5, inode: 1, changed: 1)
    if isDecrypted { part.clear = DropPart.Clear(sha256: DigestHasher.digest(of: [1]), size: 1) }
    #expect(part.clearName == FileName(expected))
  }

  // MARK: Contents on their way

  @Test("A content is its drop's until that drop lets it go")
  func contents() throws {
    var contents = ContentsInHand()
    let one = try plan(["a"], salt: 1, sha: "x")
    let other = try plan(["b"], salt: 2, sha: "x")
    let content = try #require(contentDigest(one))
    contents.take(one)
    #expect(contents.drop(with: content) == one.id)
    contents.release(other)
    #expect(contents.drop(with: content) == one.id)
    contents.release(one)
    #expect(contents.drop(with: content) == nil)
  }

  // MARK: Looks and pauses

  @Test("Passes that follow each other leave no gap; a clock that was set, or a sleep, does")
  func looks() {
    let first = Look(Moment(wall: seen, uptime: .seconds(10)), after: nil)
    #expect(first.since == .seconds(10))
    let second = Look(Moment(wall: seen + .seconds(30), uptime: .seconds(40)), after: first)
    #expect(second.since == .seconds(10))
    let slept = Look(Moment(wall: seen + .seconds(3_600), uptime: .seconds(50)), after: second)
    #expect(slept.since == .seconds(50))
    let setBack = Look(Moment(wall: seen - .seconds(3_600), uptime: .seconds(50)), after: second)
    #expect(setBack.since == .seconds(50))
  }

  @Test("A feed that is blocked is tried after 1, 2, 4, 8, 15 and 15 seconds, and tells since when")
  func pauses() {
    let fault = FileFault(.missing, "Cannot look into", at: "/l", why: "it is gone")
    var pause: FeedCommon.Pause?
    for delay in [1, 2, 4, 8, 15, 15] {
      let now = Moment(wall: seen + .seconds(delay), uptime: .seconds(100))
      pause = FeedCommon.Pause(fault, after: pause, at: now)
      #expect(pause?.until == .seconds(100 + delay))
      #expect(pause?.since == seen + .seconds(1))
    }
  }

  // MARK: Checks

  @Test("Text is too large by its length; what is packed or encrypted is not known before it is read")
  func tooLarge() throws {
    var settings = try settings { $0.require.maxBytes = 100 }
    #expect(!isTooLarge(100, .text, settings))
    #expect(isTooLarge(101, .text, settings))
    #expect(!isTooLarge(1_000, .gzip, settings))
    #expect(!isTooLarge(1_000, .pgp, settings))
    settings.format.encoding = .utf16
    #expect(!isTooLarge(200, .text, settings))
    #expect(isTooLarge(202, .text, settings))
  }

  @Test("A place tells what became of a drop; in the archive, the time of its hand-over does")
  func outcomes() throws {
    var plan = try plan(["a"])
    #expect(Adopting.outcome(of: plan, in: .held) == .held)
    #expect(Adopting.outcome(of: plan, in: .quarantine) == .quarantined)
    #expect(Adopting.outcome(of: plan, in: .handover) == .accepted)
    #expect(Adopting.outcome(of: plan, in: .archive) == .archived)
    plan.parts[0].rows = 3
    #expect(Adopting.outcome(of: plan, in: .archive) == .duplicate)
    plan.handedOverAt = seen
    #expect(Adopting.outcome(of: plan, in: .archive) == .accepted)
  }
}
