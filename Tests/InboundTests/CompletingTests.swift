import Config
import Core
import Formats
import Testing

@testable import Inbound

@Suite("What belongs together, and whether all of it is there")
struct CompletingTests {
  private var rules = Completing.Rules(manifest: .auto, timeout: .seconds(100), marker: nil)
  private static let id = "12341e18-abcd-49c2-836d-123c88e76c39"
  private static let export = "acc_segment\(id)_20260312060512"

  private func view(_ sizes: [String: UInt64], coming: Set<String> = []) -> Completing.View {
    var view = Completing.View()
    for (name, size) in sizes {
      let part = DropPart(name: FileName(name), landing: "/l", size: size, inode: 1, changed: 1)
      view.data[FileName(name)] = Settling.Observation(part)
      if !coming.contains(name) { view.rested.insert(FileName(name)) }
    }
    return view
  }

  private func add(_ name: String, _ files: [String: UInt64]?, to view: inout Completing.View, isRested: Bool = true) {
    let part = DropPart(name: FileName(name), landing: "/l", size: 9, inode: 2, changed: 1)
    let listed = files.map { files in
      Manifest(run: "r", files: files.map { Manifest.File(name: FileName($0.key), folder: nil, size: $0.value) })
    }
    view.manifests[FileName(name)] = (Settling.Observation(part), listed.map { .read($0) } ?? .unreadable)
    if isRested { view.rested.insert(FileName(name)) }
  }

  private func look(
    _ completing: inout Completing, _ view: Completing.View, at second: Int = 0, rules: Completing.Rules? = nil,
    full: Set<String> = [], unpacked: [String: UInt32] = [:], isKnown: Bool = false
  ) throws -> [Arrival] {
    try completing.arrivals(
      view, rules ?? self.rules, at: .seconds(second), isFull: { full.contains($0.description) },
      unpackedSize: { unpacked[$0.description] }, isKnown: { _ in isKnown })
  }

  private func sets(_ view: Completing.View) throws -> [[String]] {
    var completing = Completing()
    return try look(&completing, view).map { $0.data.map(\.description) }
  }

  @Test("Files of their own go by themselves")
  func singles() throws {
    let found = try sets(view(["a.csv": 1, "b.csv": 1, "report_2026_03_12.csv": 1, "drop_300.csv": 1, "x9_2.csv": 1]))
    #expect(found == [["a.csv"], ["b.csv"], ["drop_300.csv"], ["report_2026_03_12.csv"], ["x9_2.csv"]])
  }

  @Test("A part that comes before the first one waits for it, whether or not its name has a date")
  func secondFirst() throws {
    var completing = Completing()
    #expect(try look(&completing, view(["aud_2.csv": 1])).isEmpty)
    #expect(completing.waiting[FileName("aud.csv")]?.map(\.part) == [FileName("aud.csv")])
    #expect(try look(&completing, view(["aud_3.csv": 1, "aud_2.csv": 1]), at: 1).isEmpty)
    let whole = try look(&completing, view(["aud.csv": 1, "aud_2.csv": 1, "aud_3.csv": 1]), at: 2)
    #expect(whole.map(\.data) == [["aud.csv", "aud_2.csv", "aud_3.csv"].map { FileName($0) }])
    // Which one is missing in between does not matter either.
    #expect(try look(&completing, view(["b.csv": 1, "b_3.csv": 1]), at: 3).isEmpty)
    #expect(completing.waiting[FileName("b.csv")]?.map(\.part) == [FileName("b_2.csv")])
  }

  @Test("Where parts are switched off, each file goes by itself")
  func noParts() throws {
    var (completing, rules) = (Completing(), self.rules)
    rules.numbersParts = false
    let found = try look(&completing, view(["x.csv": 1, "x_2.csv": 1, "\(Self.export)_2.csv": 1]), rules: rules)
    #expect(found.count == 3 && found.allSatisfy { $0.data.count == 1 && $0.missing.isEmpty })
  }

  @Test("Parts go together, in the order of their numbers")
  func parts() throws {
    let names = ["x.csv"] + (2...11).map { "x_\($0).csv" }
    #expect(try sets(view(Dictionary(uniqueKeysWithValues: names.map { ($0, 1) }))) == [names])
    #expect(try sets(view(["x.csv": 1, "x9_2.csv.gz": 1])) == [["x.csv"], ["x9_2.csv.gz"]])
  }

  @Test("A listed file that was packed since belongs to its manifest, where its size unpacked is the listed one")
  func packed() throws {
    var completing = Completing()
    var view = view(["a.csv": 100, "b.csv.gz": 7])
    add("manifest.json", ["a.csv": 100, "b.csv": 5 << 32 | 300], to: &view)
    let whole = try #require(try look(&completing, view, unpacked: ["b.csv.gz": 300]).first)
    #expect(whole.data.map(\.description) == ["a.csv", "b.csv.gz"] && whole.missing.isEmpty)
    for unpacked in [[:], ["b.csv.gz": 299]] as [[String: UInt32]] {
      #expect(try look(&completing, view, unpacked: unpacked).isEmpty)
      #expect(completing.waiting.values.first?.map(\.code) == [.sizeMismatch])
    }
    // The plain one comes first: the other is a file of its own.
    var both = self.view(["a.csv": 100, "a.csv.gz": 7])
    add("manifest.json", ["a.csv": 100], to: &both)
    #expect(try look(&completing, both).map { $0.data.map(\.description) } == [["a.csv"], ["a.csv.gz"]])
    // Of two runs, the one whose size it has.
    var runs = self.view(["a.csv.gz": 7])
    add("manifest-1.json", ["a.csv": 50], to: &runs)
    add("manifest-2.json", ["a.csv": 60], to: &runs)
    #expect(try look(&completing, runs, unpacked: ["a.csv.gz": 60]).map(\.key) == [FileName("manifest-2.json")])
    var coming = self.view(["a.csv.gz": 7], coming: ["a.csv.gz"])
    add("manifest.json", ["a.csv": 60], to: &coming)
    #expect(try look(&completing, coming, unpacked: ["a.csv.gz": 60]).isEmpty && completing.waiting.isEmpty)
  }

  @Test("Where manifests are off, nothing waits for them, and they go by themselves")
  func off() throws {
    var completing = Completing()
    let off = Completing.Rules(manifest: .off, timeout: .seconds(100), marker: nil)
    var view = view(["a.csv": 1, "b.csv": 1])
    add("manifest-1.json", ["a.csv": 999, "z.csv": 1], to: &view)
    add("manifest-2.json", nil, to: &view, isRested: false)
    let found = try look(&completing, view, rules: off)
    #expect(found.map(\.key.description) == ["manifest-1.json", "a.csv", "b.csv"])
    #expect(found.allSatisfy { $0.missing.isEmpty } && found[0].data.isEmpty)
    view.rested.insert(FileName("manifest-2.json"))
    _ = try look(&completing, view, rules: off)
    #expect(completing.waiting[FileName("manifest-2.json")]?.map(\.code) == [.manifestUnreadable], "it is no manifest")
  }

  @Test("A manifest that lists no file is complete")
  func listsNothing() throws {
    var completing = Completing()
    var view = view([:])
    add("manifest-1.json", [:], to: &view)
    #expect(try look(&completing, view).first?.missing.map(\.code) == [.empty])
  }

  @Test("A set waits for each of its parts to be at rest")
  func coming() throws {
    #expect(try sets(view(["x.csv": 1, "x_2.csv": 1], coming: ["x_2.csv"])).isEmpty)
  }

  @Test("Of an AEP export, a later part waits for the earlier ones, and goes without them when its time is over")
  func gap() throws {
    var completing = Completing()
    let view = view(["\(Self.export)_3.csv": 1, "\(Self.export).csv": 1])
    #expect(try look(&completing, view).isEmpty)
    #expect(completing.waiting.count == 1)
    #expect(completing.next(timeout: rules.timeout) == .seconds(100))
    #expect(try look(&completing, view, at: 99).isEmpty)
    let late = try #require(try look(&completing, view, at: 100).first)
    #expect(late.data.map(\.description) == ["\(Self.export).csv", "\(Self.export)_3.csv"])
    #expect(late.missing.map(\.part) == [FileName("\(Self.export)_2.csv")])
  }

  @Test("A change in what waits begins its time anew")
  func progress() throws {
    var completing = Completing()
    let name = "\(Self.export)_3.csv"
    _ = try look(&completing, view([name: 1]))
    _ = try look(&completing, view([name: 1, "\(Self.export)_2.csv": 1]), at: 60)
    #expect(try look(&completing, view([name: 1, "\(Self.export)_2.csv": 1]), at: 159).isEmpty)
    #expect(try look(&completing, view([name: 1, "\(Self.export)_2.csv": 1]), at: 160).count == 1)
    _ = try look(&completing, view([:]), at: 161)
    #expect(completing.next(timeout: rules.timeout) == nil, "nothing is remembered of what is gone")
  }

  @Test("A last part that is full waits for its successor")
  func full() throws {
    var completing = Completing()
    #expect(try look(&completing, view(["x.csv": 1]), full: ["x.csv"]).isEmpty)
    #expect(completing.waiting[FileName("x.csv")]?.map(\.part) == [FileName("x_2.csv")])
    let both = view(["x.csv": 1, "x_2.csv": 1])
    #expect(try look(&completing, both, at: 5, full: ["x.csv"]).first?.data.count == 2)
  }

  @Test("A manifest's files go together with it, whichever comes first")
  func manifest() throws {
    var completing = Completing()
    var first = view([:])
    add("m", ["a.csv": 5, "b.csv": 6], to: &first)
    #expect(try look(&completing, first).isEmpty)
    var half = view(["a.csv": 5, "other.csv": 1])
    add("m", ["a.csv": 5, "b.csv": 6], to: &half)
    #expect(try look(&completing, half, at: 1).map(\.data) == [[FileName("other.csv")]], "it binds what it lists")
    var short = view(["a.csv": 5, "b.csv": 4])
    add("m", ["a.csv": 5, "b.csv": 6], to: &short)
    #expect(try look(&completing, short, at: 2).isEmpty)
    #expect(completing.waiting[FileName("m")]?.map(\.code) == [.sizeMismatch])
    var whole = view(["a.csv": 5, "b.csv": 6])
    add("m", ["b.csv": 6, "a.csv": 5], to: &whole)
    let arrival = try #require(try look(&completing, whole, at: 3).first)
    #expect(arrival.data == [FileName("a.csv"), FileName("b.csv")] && arrival.manifest == FileName("m"))
    #expect(arrival.missing.isEmpty)
  }

  @Test("A manifest without its data goes to quarantine when its time is over, with what is missing")
  func alone() throws {
    var completing = Completing()
    var view = view([:])
    add("m", ["a.csv": 5, "b.csv": 6], to: &view)
    _ = try look(&completing, view)
    let late = try #require(try look(&completing, view, at: 100).first)
    #expect(late.data.isEmpty && late.missing.map(\.part) == [FileName("a.csv"), FileName("b.csv")])
  }

  @Test("A manifest that comes after its files were taken is put away")
  func known() throws {
    var completing = Completing()
    var view = view([:])
    add("m", ["a.csv": 5], to: &view)
    let arrival = try #require(try look(&completing, view, isKnown: true).first)
    #expect(arrival.data.isEmpty && arrival.missing.isEmpty)
  }

  @Test("A manifest of another run takes no file that the right one lists")
  func otherRun() throws {
    var completing = Completing()
    var view = view(["a.csv": 7])
    add("m1", ["a.csv": 5], to: &view)
    add("m2", ["a.csv": 7], to: &view)
    let found = try look(&completing, view)
    #expect(found.map(\.manifest) == [FileName("m2")] && found[0].missing.isEmpty)
    #expect(completing.waiting[FileName("m1")]?.map(\.code) == [.sizeMismatch])
  }

  @Test("While a manifest is being written, nothing goes without it; one that cannot be read holds up nobody")
  func beingWritten() throws {
    var completing = Completing()
    var view = view(["a.csv": 1])
    add("m", nil, to: &view, isRested: false)
    #expect(try look(&completing, view).isEmpty)
    view.rested.insert(FileName("m"))
    #expect(try look(&completing, view, at: 1).map(\.data) == [[FileName("a.csv")]])
    #expect(try look(&completing, view, at: 101).first?.missing.map(\.code) == [.manifestUnreadable])
  }

  @Test("An empty manifest is an empty drop")
  func emptyManifest() throws {
    var completing = Completing()
    var view = view([:])
    add("m", [:], to: &view)
    _ = try look(&completing, view)
    #expect(try look(&completing, view, at: 100).first?.missing.map(\.code) == [.empty])
  }

  @Test("Where a manifest is required, data waits for it")
  func required() throws {
    var completing = Completing()
    var strict = rules
    strict.manifest = .required
    #expect(try look(&completing, view(["a.csv": 1]), rules: strict).isEmpty)
    #expect(
      try look(&completing, view(["a.csv": 1]), at: 100, rules: strict).first?.missing.map(\.code) == [.incomplete])
  }

  @Test("Each file waits for its own marker")
  func markers() throws {
    var completing = Completing()
    var marked = rules
    marked.marker = try MarkerTemplate("{name}.done")
    var view = view(["x.csv": 1, "x_2.csv": 1])
    let done = Settling.Observation(DropPart(name: FileName("d"), landing: "/l", size: 0, inode: 3, changed: 1))
    view.markers = [FileName("x.csv.done"): done, FileName("other.done"): done]
    #expect(try look(&completing, view, rules: marked).isEmpty)
    #expect(completing.waiting[FileName("x.csv")]?.map(\.part) == [FileName("x_2.csv.done")])
    view.markers[FileName("x_2.csv.done")] = done
    let arrival = try #require(try look(&completing, view, at: 1, rules: marked).first)
    #expect(arrival.markers == [FileName("x.csv.done"), FileName("x_2.csv.done")])
  }

  @Test("Marker templates name the file they stand for")
  func templates() throws {
    let template = try MarkerTemplate("{stem}.ok[1]")
    #expect(template.marker(of: FileName("a.csv")) == FileName("a.ok[1]"))
    #expect(template.isMarker(FileName("b.ok[1]")) && !template.isMarker(FileName("b.ok1")))
    for bad in ["done", "{name}", "{stem}.{ext}", "{ext}.done", "{name}/done", "{drop}.done"] {
      #expect(throws: TemplateComplaint.self, "\(bad)") { _ = try MarkerTemplate(bad) }
    }
  }

  @Test("People hear once of what waits")
  func telling() throws {
    var completing = Completing()
    let name = "\(Self.export)_2.csv"
    for second in 0..<99 {
      _ = try look(&completing, view([name: 1]), at: second)
      let told = completing.newlyWaiting(at: .seconds(second), patience: .seconds(60))
      #expect(told.count == (second == 60 ? 1 : 0))
    }
  }
}
