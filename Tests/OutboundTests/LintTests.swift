import Config
import Core
import Files
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("What AEP would make of a log is told before anything is sent")
struct LintTests {
  private func stream(_ name: String = "opens", _ change: (inout StreamSettings) -> Void = { _ in }) throws
    -> StreamSettings
  {
    var stream = StreamSettings(
      name: try #require(StreamName(name)), logs: ["/logs/\(name).csv"], stores: [try #require(StoreName("aep"))])
    change(&stream)
    return stream
  }

  private func settings(_ streams: [StreamSettings], _ change: (inout Settings) -> Void = { _ in }) throws -> Settings {
    var settings = Settings()
    var store = StoreSettings(name: try #require(StoreName("aep")), target: .folder("/shelf"))
    store.reader = .aep
    (settings.stores, settings.streams, settings.host) = ([store], streams, "acc")
    change(&settings)
    return settings
  }

  private func notes(_ log: String, _ change: (inout StreamSettings) -> Void = { _ in }) throws -> [LintNote] {
    let stream = try stream("opens", change)
    let sample = LogSample(of: stream, path: "opens.csv", Array(log.utf8), isWhole: true)
    return IngestionLint(settings: try settings([stream]), samples: [sample], bytesPerDay: [:]).notes()
  }

  @Test("A log as AEP takes it says nothing")
  func clean() throws {
    #expect(
      try notes("id,sent_at,day\n1,2026-03-12T06:00:00Z,2026-03-12\n2,2026-03-12T06:00:00.123+01:00,2026/03/12\n") == []
    )
    #expect(try notes("[@id],[@delivery-id]\n1,2\n") { $0.headerSanitize = true } == [])
    #expect(try notes("") == [])
  }

  @Test("Each thing that it does not take is told with its column and what to do, and no value")
  func told() throws {
    let told = try notes(
      "@id;2nd;text\n1;2026/03/12 07:11:00;\"a \"\"b\"\" c\"\n2;2026/03/12 07:11:01;x\\y\n3;2026/03/12 07:11:02;\"l\nm\"\n"
    )
    let all = told.map(\.description).joined(separator: "\n")
    #expect(
      all.contains(
        "streams.opens: opens.csv: columns 1 and 2: AEP maps columns by names of letters, digits and underscores"))
    #expect(all.contains("separated by semicolons"))
    #expect(all.contains("column 3 (text): values hold quotes"))
    #expect(all.contains("column 3 (text): values hold backslashes"))
    #expect(all.contains("column 3 (text): values hold line breaks"))
    #expect(
      all.contains(
        "column 2: times in a form that AEP's data preparation does not know by itself: a time behind a day with slashes"
      ))
    #expect(told.count == 6 && !told.contains(where: \.isRefusal))
    #expect(!all.contains("@id") && !all.contains("07:11") && !all.contains("x\\y"))
  }

  @Test(
    "Times are known by their form",
    arguments: [
      ("2026-03-12", true), ("2026/03/12", true), ("2026-03-12T06:00:00Z", true), ("2026-03-12 06:00:00+0100", true),
      ("2026-03-12T06:00:00.123Z", true), ("2026-03-12T06:00:00+01:00", true), ("2026-03-12 06:00:00", false),
      ("2026-03-12T06:00:00.123", false), ("2026/03/12 06:00:00", false), ("12/03/2026", false),
      ("12.03.2026 06:00", false), ("2026-03-12 06:00:00 CET", false),
    ])
  func stamps(_ text: String, isKnown: Bool) throws {
    let form = try #require(StampForm(Array(text.utf8)))
    #expect((form == .known) == isKnown)
  }

  @Test(
    "What is no time is none", arguments: ["12112020", "hello world", "2026", "1-2-3", "1773273600", "2026-03-12-17"])
  func noStamps(_ text: String) { #expect(StampForm(Array(text.utf8)) == nil) }

  @Test("A column counts as times only where all of its values are some")
  func mixed() throws {
    #expect(try notes("id,text\n1,12/03/2026\n2,hello\n") == [])
    #expect(try notes("id,at\n1,12/03/2026\n2,\n").count == 1)
  }

  @Test("Text in another encoding, and rows that are too long, are told; what AEP refuses for sure is marked")
  func bytes() throws {
    let stream = try stream()
    func told(_ bytes: [UInt8]) throws -> [LintNote] {
      let sample = LogSample(of: stream, path: "a.csv", bytes, isWhole: false)
      return IngestionLint(settings: try settings([stream]), samples: [sample], bytesPerDay: [:]).notes()
    }
    let latin = try told(Array("id,text\n1,a\n2,".utf8) + [0xe9, 0x0a])
    #expect(
      latin.map(\.description) == [
        "streams.opens: a.csv: row 2 is not UTF-8, which is all that AEP takes. Have it written in UTF-8"
      ])
    #expect(try told([0xff, 0xfe] + Array("i\0d\0".utf8) + [0x0a, 0]).first?.text.contains("UTF-16") == true)
    // Cut in the middle of a character, at the end of the look.
    #expect(try told(Array("id,text\n1,a\n2,".utf8) + [0xc3]) == [])
    let long = try told(Array("id,text\n1,\(String(repeating: "x", count: 20_000))\n".utf8))
    #expect(long.count == 1 && !long[0].isRefusal)
    let refused = try told(Array("id,text\n1,\(String(repeating: "x", count: 120_000))\n".utf8))
    #expect(refused.count == 1 && refused[0].isRefusal)
  }

  @Test("Two streams below one ingested folder need one schema; beside each other they do not")
  func folders() throws {
    func told(_ one: String, _ two: String, _ first: String = "id,a", _ second: String = "id,b") throws -> [LintNote] {
      let streams = [try stream("opens") { $0.key = one }, try stream("clicks") { $0.key = two }]
      let samples = zip(streams, [first, second]).filter { !$0.1.isEmpty }.map {
        LogSample(of: $0.0, path: "\($0.0.name).csv", Array("\($0.1)\n1,2\n".utf8), isWhole: true)
      }
      return IngestionLint(settings: try settings(streams), samples: samples, bytesPerDay: [:]).notes()
    }
    let own = "{stream}/dt={date}/{seq}.csv.gz"
    #expect(try told(own, own) == [])
    let same = try told("all/{stream}_{seq}.csv.gz", "all/{stream}_{seq}.csv.gz")
    #expect(same.count == 1 && same[0].isRefusal && same[0].key == "streams.clicks.key")
    let below = try told("all/{stream}_{seq}.csv.gz", "all/clicks/{seq}.csv.gz")
    #expect(
      below.count == 1 && below[0].isRefusal
        && below[0].text.contains("lie below the folder that AEP ingests for streams.opens"))
    #expect(try told("all/{stream}_{seq}.csv.gz", "all/clicks/{seq}.csv.gz", "id,a", "a,id") == [])
    let unseen = try told("all/{stream}_{seq}.csv.gz", "all/{stream}_{seq}.csv.gz", "id,a", "")
    #expect(unseen.count == 1 && !unseen[0].isRefusal && unseen[0].text.contains("have not been seen yet"))
    #expect(try told("all/x_{seq}.csv.gz", "all2/x_{seq}.csv.gz") == [])
  }

  @Test("Logs of one stream with other columns, manifests below an ingested folder and what archives nothing are told")
  func plain() throws {
    let stream = try stream()
    let samples = ["id,a\n1,2\n", "id,b\n1,2\n"].enumerated().map {
      LogSample(of: stream, path: "\($0.offset).csv", Array($0.element.utf8), isWhole: true)
    }
    let kinds = IngestionLint(settings: try settings([stream]), samples: samples, bytesPerDay: [:]).notes()
    #expect(kinds.map(\.key) == ["streams.opens.logs"] && kinds[0].text.contains("1.csv has other columns than 0.csv"))

    var other = try self.stream("clicks") {
      $0.manifest = "opens/manifests"
      $0.after = .archive
      $0.rotation = .follow
    }
    other.key = "clicks/{seq}"
    let notes = IngestionLint(settings: try settings([stream, other]), samples: [], bytesPerDay: [:]).notes()
    #expect(notes.map(\.key) == ["streams.clicks.after", "streams.clicks.key", "streams.clicks.manifest"])
    #expect(notes.map(\.isRefusal) == [false, false, true])
    let bare = try self.stream("bare") {
      $0.header = .none
      $0.headerRename = ["a": "b"]
      $0.key = "{seq}.csv.gz"
    }
    #expect(
      IngestionLint(settings: try settings([bare]), samples: [], bytesPerDay: [:]).notes().map(\.key) == [
        "streams.bare.header.rename", "streams.bare.header.from", "streams.bare.key",
      ])
  }

  @Test("Runs of all dataflows are added up, those of one folder once; small runs are told where what is sent is known")
  func runs() throws {
    func told(_ every: [Int64], _ bytes: UInt64? = nil, key: String? = nil) throws -> [LintNote] {
      let streams = try every.enumerated().map { number, minutes in
        try stream("s\(number)") {
          $0.dataflowEvery = .seconds(minutes * 60)
          if let key { $0.key = key }
        }
      }
      let samples = streams.map { LogSample(of: $0, path: "x", Array("id\n".utf8), isWhole: true) }
      let known = Dictionary(uniqueKeysWithValues: streams.compactMap { s in bytes.map { (s.name, $0) } })
      return IngestionLint(settings: try settings(streams), samples: samples, bytesPerDay: known).notes()
    }
    #expect(try told([60, 60, 60, 80]) == [])
    let many = try told([60, 60, 60, 60])
    #expect(many.map(\.key) == ["streams"] && many[0].text.contains("run 96 times a day together"))
    #expect(try told([60, 60, 60, 60], key: "all/{stream}_{seq}.csv.gz") == [])
    #expect(try told([15]).map(\.key) == ["streams", "streams.s0.dataflow.every"])
    let small = try told([240], 60 << 20)
    #expect(small.map(\.key) == ["streams.s0.dataflow.every"] && small[0].text.contains("one run takes about 10 MiB"))
    #expect(try told([240], 6 << 30) == [])
    #expect(try told([1_440], 1 << 20) == [])
  }

  @Test("The reader looks at the newest logs, packed ones too, and no further than it must")
  func reader() throws {
    let files = SimMachine().files
    try files.put("/logs/opens.csv", "@id,text\n1,a\n" + String(repeating: "2,b\n", count: 200_000))
    let settings = try settings([try stream()])
    let notes = LintReader(settings, files: files).notes(nil, at: World.start)
    #expect(
      notes.map(\.description) == [
        "streams.opens: opens.csv: column 1: AEP maps columns by names of letters, digits and underscores that begin with no digit. Set header.sanitize: true, or name them under header.rename"
      ])
    var renaming = settings
    renaming.stores[0].reader = nil
    renaming.streams[0].headerRename = ["@id": "_id", "nothing": "x"]
    #expect(
      LintReader(renaming, files: files).notes(nil, at: World.start).map(\.description) == [
        "streams.opens.header.rename: opens.csv has no column “nothing”: nothing is renamed there. Correct the name"
      ])
  }
}
