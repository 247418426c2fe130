import Config
import Core
import Ledger
import Store
import Testing

@testable import FeedKit
@testable import Pull

@Suite("What is to be fetched")
struct PullPlanTests {
  private let store = StoreName("aep")

  private func names(_ prefix: String = "audiences/", _ change: (inout FeedSettings) -> Void = { _ in }) throws
    -> PullNames
  {
    var settings = FeedSettings(name: try #require(FeedName("f")), landing: "/l", handover: "/h")
    change(&settings)
    var pull = FeedSettings.Pull(store: try #require(store))
    pull.prefix = prefix
    return PullNames(pull, settings)
  }

  private func path(_ answer: PullNames.Answer) -> String? {
    if case .path(let path) = answer { path.map(\.description).joined(separator: "/") } else { nil }
  }

  @Test("A key's name below the prefix is the file's; folders only where the feed looks into them")
  func paths() throws {
    let flat = try names()
    #expect(path(flat.answer("audiences/a.csv")) == "a.csv")
    #expect(path(flat.answer("audiences/über uns.csv")) == "über uns.csv")
    for ignored in [
      "other/a.csv", "audiences", "audiences/", "audiences/sub/a.csv", "audiences/sub/", "audiences/.hidden",
      "audiences/a.csv.tmp", "audiences/~x",
    ] {
      #expect(flat.answer(ignored) == .ignored, "\(ignored)")
    }
    let deep = try names { $0.recursive = true }
    #expect(path(deep.answer("audiences/vip/a.csv")) == "vip/a.csv")
    #expect(deep.answer("audiences/.vip/a.csv") == .ignored)
    #expect(deep.answer("audiences/1/2/3/4/5/6/7/8/9/a.csv") == .ignored)
    // A prefix may end within a name, and begin with a slash.
    #expect(path(try names("/audiences/acc_").answer("audiences/acc_1.csv")) == "acc_1.csv")
    #expect(path(try names("").answer("a.csv")) == "a.csv")
  }

  @Test("What is said of a folder, or of the whole list, is told where something of the feed's may lie there")
  func folders() throws {
    let flat = try names()
    #expect(flat.mayHold("audiences/") && !flat.mayHold("audiences/vip/") && !flat.mayHold("other/"))
    let deep = try names { $0.recursive = true }
    #expect(deep.mayHold("audiences/") && deep.mayHold("audiences/vip/") && !deep.mayHold("other/"))
    #expect(!deep.mayHold("audiences/.vip/") && !deep.mayHold("audiences/1/2/3/4/5/6/7/8/9/"))
    #expect(try names("").mayHold("") && names("audiences/acc_").mayHold("audiences/acc_"))
  }

  @Test("Rules of the feed apply before anything is fetched; manifests and markers come too")
  func rules() throws {
    let manifest = "manifest-5b0c77e1-3f7a-4f0e-9a43-0d1b6a1f2c88-c2f4a9d0-6b1e-4d27-8f35-91ab07de4455.json"
    let names = try names {
      $0.include = ["*.csv"]
      $0.exclude = ["test*"]
      $0.marker = "{name}.done"
    }
    for name in ["a.csv", "a.csv.done", manifest] { #expect(path(names.answer("audiences/\(name)")) == name) }
    for name in ["a.txt", "test.csv"] { #expect(names.answer("audiences/\(name)") == .ignored) }
  }

  @Test(
    "A key that leads elsewhere is refused, never a path",
    arguments: [
      "../../etc/a.csv", "x/../a.csv", "./a.csv", "/a.csv", "x//a.csv", "a\n.csv", "a\u{7f}.csv",
      String(repeating: "n", count: 256),
    ])
  func escapes(rest: String) throws {
    let names = try names { $0.recursive = true }
    guard case .refused = names.answer("audiences/\(rest)") else {
      Issue.record("\(names.answer("audiences/\(rest)"))")
      return
    }
  }

  private func object(_ name: String, size: UInt64 = 1, tag: String? = "t", at seconds: Int64? = nil) -> ListedObject {
    ListedObject(key: "audiences/\(name)", size: size, tag: tag, modified: seconds.map { Timestamp(seconds: $0) })
  }

  private func record(_ object: ListedObject, _ state: PulledRecord.State = .landed, listed: Int64 = 1_000) throws
    -> PulledRecord
  {
    let source = DropPart.Origin(
      store: try #require(store), key: object.key, size: object.size, tag: object.tag, modified: object.modified)
    return PulledRecord(
      source, path: "x", state: state, at: Timestamp(seconds: 0), listedAt: Timestamp(seconds: listed))
  }

  private func plan(_ page: [ListedObject], _ records: [PulledRecord], atRest: Bool = false) throws -> PullPlan {
    let known = Dictionary(uniqueKeysWithValues: records.map { ($0.source.key, $0) })
    return pullPlan(
      page, try names(), of: try #require(store), known: known, isAtRest: { _ in atRest },
      stale: Timestamp(seconds: 900))
  }

  @Test("What is known as it is is not fetched again; another version is")
  func versions() throws {
    let old = object("a.csv", at: 5)
    for new in [object("a.csv", size: 2, at: 5), object("a.csv", tag: "u", at: 5), object("a.csv", at: 6)] {
      #expect(try plan([new], [record(old)]).fetch.map(\.source.key) == ["audiences/a.csv"])
      #expect(try plan([new], [record(old, .done)]).fetch.count == 1)
      // Its former version has not got its name yet.
      #expect(try plan([new], [record(old, .placing)]).fetch.isEmpty)
    }
    for state in [PulledRecord.State.landed, .placing, .done, .refused] {
      #expect(try plan([old], [record(old, state)]) == PullPlan())
    }
    #expect(try plan([old], [record(old, listed: 800)]).seen.count == 1)
  }

  @Test("Where a store tells no tags, an object is fetched when it has rested")
  func rest() throws {
    let growing = object("a.csv", tag: nil, at: 5)
    #expect(try plan([growing], []).settling.count == 1)
    #expect(try plan([growing], [], atRest: true).fetch.count == 1)
    // Known by its size alone, it is seen anew each time, so that it can be forgotten when it is gone.
    let bare = object("a.csv", tag: nil)
    #expect(try plan([bare], [record(bare)]).seen.count == 1)
  }

  @Test(
    "What version 0.1 knew to the minute, in the server's zone, is the same file, and known to the second from then on")
  func coarseTimes() throws {
    let exact = object("a.csv", tag: nil, at: 1_773_295_282)
    let minute: Int64 = 1_773_295_260
    // As 0.1 read it: in UTC, in two other zones, and by its day.
    for old in [minute, minute + 3_600, minute - 34_200, 1_773_273_600] {
      let known = try record(object("a.csv", tag: DropPart.Origin.coarse, at: old))
      let plan = try plan([exact], [known], atRest: true)
      #expect(plan.fetch.isEmpty && plan.seen.isEmpty && plan.exact.map(\.source.tag) == [nil], "\(old)")
      #expect(plan.exact.first?.source.modified == Timestamp(seconds: 1_773_295_282))
    }
    for other in [minute - 60, minute + 600, minute + 90_000, minute - 172_800] {
      let known = try record(object("a.csv", tag: DropPart.Origin.coarse, at: other))
      #expect(try plan([exact], [known], atRest: true).fetch.count == 1, "\(other)")
    }
    // Else a second is another version, and midnight no day.
    let midnight = object("a.csv", tag: nil, at: 1_773_273_600)
    #expect(try plan([exact], [record(midnight)], atRest: true).fetch.count == 1)
    #expect(try plan([object("a.csv", tag: nil, at: 1_773_295_283)], [record(exact)], atRest: true).fetch.count == 1)
  }

  @Test("Oldest first, and not more than may wait")
  func order() throws {
    let page = [object("b", at: 2), object("a", at: 2), object("c", at: 1), object("d", at: 3)]
    let found = try plan(page, []).fetch
    #expect(inOrder(found, most: 3).map { $0.pathText } == ["c", "a", "b"])
    var memory = ListMemory()
    memory.begin()
    for page in 0..<5 {
      let objects = (0..<1_000).map { object("\(page)-\($0)", at: Int64(10_000 - page * 1_000 - $0)) }
      memory.take(try plan(objects, []).fetch)
      #expect(memory.found.count <= 2 * Limits.pullWindow)
    }
    let wanted = memory.end()
    #expect(wanted.count == Limits.pullWindow && memory.hasMore && memory.isSettling)
    #expect(wanted.first?.pathText == "4-999")
  }

  @Test("An object that may still grow is at rest when two lists a settle time apart show it as it is")
  func settled() throws {
    var memory = ListMemory()
    let object = object("a.csv", tag: nil, at: 1)
    let source = DropPart.Origin(
      store: try #require(store), key: object.key, size: object.size, tag: nil, modified: object.modified)
    memory.begin()
    memory.observe(source, at: .seconds(10))
    #expect(!memory.isAtRest(source, at: .seconds(20), settle: .seconds(5)))
    #expect(memory.end().isEmpty && memory.isSettling)
    #expect(!memory.isAtRest(source, at: .seconds(14), settle: .seconds(5)))
    #expect(memory.isAtRest(source, at: .seconds(15), settle: .seconds(5)))
    memory.begin()
    #expect(memory.end().isEmpty && !memory.isSettling)
    #expect(!memory.isAtRest(source, at: .seconds(30), settle: .seconds(5)))
  }

  @Test("What is due and finds no room among the wanted asks for no pass of its own")
  func dueWithoutRoom() throws {
    var held = HeldObjects()
    let candidates = try plan([object("a.csv", at: 1), object("b.csv", at: 2)], []).fetch
    for (number, candidate) in candidates.enumerated() {
      #expect(held.hold(candidate) { $0.wait("refused", .seconds(10 * (number + 1)), at: .zero) })
    }
    #expect(held.next(after: .seconds(5)) == .seconds(10))
    #expect(held.wake(at: .seconds(15), most: 0).isEmpty)
    #expect(held.next(after: .seconds(15)) == .seconds(20))
    #expect(held.wake(at: .seconds(15), most: 5) == [candidates[0]])
    #expect(held.resting == 1)
  }
}
