import Testing

@testable import Config

@Suite("What settings must be together")
struct ConsistencyTests {
  private func feeds(_ pairs: [(String, String)], state: String = "/var/lib/navette") -> [String] {
    let lanes = pairs.enumerated().map { "  f\($0): {landing: \($1.0), handover: \($1.1)}\n" }.joined()
    return Bench("state: \(state)\nfeeds:\n\(lanes)").problems()
  }

  @Test("feeds with folders of their own are fine, also side by side and below one another's kind")
  func fine() {
    #expect(feeds([("/a/in", "/a/out"), ("/b/in", "/b/out"), ("/a/in/deep", "/a/out/deep")]) == [])
    #expect(feeds([("/srv/in", "/srv/in2")]) == [])
  }

  @Test("two feeds do not share a landing folder, and a hand-over folder only where neither replaces files")
  func shared() {
    #expect(
      feeds([("/a/in", "/a/out"), ("/a/in/", "/b/out"), ("/c/in", "/a/out")]) == [
        "4:17: feeds.f1.landing: two feeds cannot share a folder: this is the same folder as feeds.f0.landing. Choose another folder"
      ])
    for first in ["replace", "rename"] {
      let text = """
        state: /s
        feeds:
          a: { landing: /a, handover: /out, collision: \(first) }
          b: { landing: /b, handover: /out/, collision: \(first == "rename" ? "replace" : "rename") }
          c: { landing: /c, handover: /out/deep, collision: replace }
        """
      #expect(
        Bench(text).problems() == [
          "4:31: feeds.b.handover: with collision: replace, one feed would replace what the other hands over: "
            + "this is the same folder as feeds.a.handover. Choose another folder"
        ])
    }
  }

  @Test(
    "landing and hand-over are apart, in one feed and between feeds",
    arguments: [
      ("/a", "/a", "is the same folder as"), ("/a", "/a/b", "lies inside the folder of"),
      ("/a/b", "/a", "lies around the folder of"),
    ])
  func apart(landing: String, handover: String, words: String) {
    #expect(
      feeds([(landing, handover)]).map { $0.split(separator: ": ", maxSplits: 1).last } == [
        "feeds.f0.handover: what lies in one would be taken for the other's: this \(words) feeds.f0.landing. Choose another folder"
      ])
    #expect(feeds([("/x/in", handover), (landing, "/y/out")]).count == 1)
  }

  @Test("the state folder is navette's alone", arguments: ["/s", "/s/in", "/"])
  func state(landing: String) {
    let problems = feeds(
      [(landing == "/" ? "/parent" : landing, "/elsewhere")], state: landing == "/" ? "/parent/s" : "/s")
    #expect(problems.count == 1)
    #expect(problems.first?.contains("feeds.f0.landing: the state folder belongs to navette alone: this ") == true)
  }

  @Test(
    "logs lie neither in the state folder nor where other files are",
    arguments: ["/var/lib/navette", "/var/lib/navette/streams/x", "/srv/landing", "/srv/import/deep", "/srv/shelf"])
  func logs(folder: String) {
    let text = Lane.feedHead + Lane.shelf + "streams:\n  s: {logs: [\"\(folder)/*.csv\"], store: shelf}\n"
    let problems = Bench(text).problems()
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("9:14: streams.s.logs[0]: logs ") == true)
  }

  @Test("a folder below the logs is fine")
  func above() {
    let text = "state: /var/log/app/state\n" + Lane.streamHead
    #expect(Bench(text).problems() == [])
  }

  @Test(
    "a log belongs to one stream, by one pattern",
    arguments: [
      ("/l/a.csv", "/l/a.csv", "a.csv"), ("/l/*.csv", "/l/*.csv", "a.csv"), ("/l/*.csv", "/l/a.csv", "a.csv"),
      ("/l/a.csv", "/l/?.csv", "a.csv"), ("/l//a.csv", "/l/a.csv", "a.csv"),
      ("/l/*-opens.csv", "/l/acc-*", "acc-opens.csv"),
      ("/l/[ab]*", "/l/[bc]x.*", "bx."),
    ])
  func oneStream(first: String, second: String, name: String) {
    let lanes = "streams:\n  a: {logs: [\"\(first)\"], store: shelf}\n  b: {logs: [\"\(second)\"], store: shelf}\n"
    #expect(
      Bench(Lane.shelf + lanes).problems() == [
        "6:14: streams.b.logs[0]: the same files as streams.a.logs[0], such as \(name). "
          + "Give each log to one stream, by one pattern"
      ])
    let one = "streams:\n  a: {logs: [\"\(first)\", \"/l/other\", \"\(second)x\"], store: shelf}\n"
    #expect(Bench(Lane.shelf + one).problems() == [])
  }

  @Test(
    "where others rotate, a stream's logs are those under their rotated names, too",
    arguments: [
      ("opens.csv", "*.1", true), ("opens.csv", "opens.csv-2026*", true), ("opens.csv", "opens-2*.csv", true),
      ("opens.csv", "*.csv.gz", true), ("mta.log", "mta_2.log", true), ("opens.csv", "clicks.csv", false),
      ("opens.csv", "opens-click.csv", false), ("mta_1.log", "mta_2.log", false), ("opens-*.csv", "opens.csv", false),
    ])
  func rotated(followed: String, other: String, meets: Bool) {
    for rotation in ["follow", "closed"] {
      let lanes =
        "streams:\n  a: {logs: [\"/l/\(followed)\"], rotation: \(rotation), store: shelf}\n"
        + "  b: {logs: [\"/l/\(other)\"], rotation: closed, store: shelf}\n"
      #expect(Bench(Lane.shelf + lanes).problems().isEmpty == !(meets && rotation == "follow"), "\(rotation)")
    }
  }

  @Test("a stream's store must exist, and a slip is told")
  func stores() {
    let lane = "streams:\n  a: {logs: [/l/a], store: "
    #expect(
      Bench(Lane.shelf + lane + "shelv}\n").problems() == [
        "5:28: streams.a.store: there is no store of this name. Did you mean shelf?"
      ])
    #expect(
      Bench(Lane.shelf + lane + "[shelf, aep]}\n").problems() == [
        "5:36: streams.a.store[1]: there is no store of this name. Known: shelf"
      ])
    #expect(
      Bench(lane + "aep}\n").problems() == [
        "2:28: streams.a.store: there is no store of this name. Describe it under stores"
      ])
    #expect(Bench("stores:\n  aep: {url: x}\n" + lane + "aep}\n").problems().count == 1)
  }

  @Test("object names cannot meet, nor grow too long")
  func keys() {
    let lanes =
      "streams:\n  a: {logs: [/l/a], store: shelf, key: \"{seq}\"}\n  b: {logs: [/l/b], store: shelf, key: \"{seq}\"}\n"
    #expect(
      Bench(Lane.shelf + lanes).problems() == [
        "6:40: streams.b.key: the same object names as streams.a.key, in the same store. Put {stream} into both"
      ])
    #expect(Bench(Lane.shelf + lanes.replacing("{seq}", with: "{stream}{seq}")).problems() == [])
    let parts = String(repeating: "x/", count: 450)
    let long =
      Lane.s3Head.replacing("/prefix", with: "/" + String(repeating: "p", count: 50))
      + "streams:\n  a:\n    logs: [/l/a]\n    store: aep\n    key: \"\(parts){stream}-{seq}\"\n"
    #expect(Bench(long, environment: Lane.keys).problems() == [])
    #expect(
      Bench(long.replacing("{stream}", with: "{host}-{utc}{utc}{utc}-{stream}"), environment: Lane.keys).problems() == [
        "11:10: streams.a.key: object names could have 1030 bytes with the prefix of aep, and 1024 is the most"
      ])
    #expect(
      Lane.stream("key: \"\(String(repeating: "x", count: 250))-{seq}\"").problems() == [
        "8:10: streams.out.key: a part of the name between slashes could be longer than the 255 bytes that a folder takes"
      ])
    let hosts = Lane.stream("key: \"{host}{host}{host}{host}-{seq}\"").problems()
    #expect(hosts.count == 1 && hosts[0].hasPrefix("8:10: streams.out.key: object names could be refused"), "\(hosts)")
  }

  @Test("probes lie neither where batches are nor where a feed fetches, unless nothing is tried")
  func probes() {
    func problems(_ store: String, _ stream: String, feed: String = "") -> [String] {
      Bench(
        "stores: { shelf: { url: \"s3://bucket-one/p\", region: r, \(store) } }\n\(feed)"
          + "streams: { out: { logs: [/l/a], store: shelf, \(stream) } }\n"
      ).problems()
    }
    let key = "key: \"navette-probe/{stream}/{seq}\""
    #expect(problems("", "") == [] && problems("probe: checks/navette", "") == [])
    for (store, stream) in [
      ("", key), ("probe: out/dt", ""), ("probe: out", ""), ("for: aep", "key: \"{stream}_{seq}\""),
    ] {
      let found = problems(store, stream)
      #expect(found.count == 1 && found[0].contains("stores.shelf.probe: probes would lie where"), "\(found)")
      #expect(problems(store.isEmpty ? "trust: single_writer" : "\(store), trust: single_writer", stream) == [])
    }
    #expect(problems("", "key: \"{stream}_{seq}\"") == [])
    func feed(_ prefix: String, _ more: String = "") -> String {
      "feeds: { in: { landing: /in, handover: /out, pull: { store: shelf, prefix: \(prefix) }\(more) } }\n"
    }
    for (feed, isMet) in [
      (feed("in/"), false), (feed("navette-probe/"), true), (feed("\"\""), false),
      (feed("\"\"", ", recursive: true"), true), (feed("\"\"", ", recursive: true, include: [\"*.csv\"]"), false),
    ] {
      let found = problems("", "", feed: feed)
      #expect(found.count == (isMet ? 1 : 0), "\(feed): \(found)")
      #expect(found.allSatisfy { $0.contains("where feeds.in fetches") }, "\(feed): \(found)")
    }
    #expect(problems("probe: a//b", "").count == 1 && problems("probe: ../a", "").count == 1)
    #expect(problems("trust: me", "").count == 1)
  }

  @Test(
    "manifests never lie where batches are, nor batches among manifests",
    arguments: [
      ("manifest: manifests/", nil), ("manifest: out", "manifests would lie where the batches of streams.out are"),
      ("manifest: out/dt=x/manifests", "manifests would lie where the batches of streams.out are"),
      ("manifest: a, key: \"a/{stream}/{seq}.gz\"", "the batches of streams.out would lie among the manifests"),
      ("manifest: m, key: \"{stream}_{seq}.gz\"", "manifests would lie where the batches of streams.out are"),
    ] as [(String, String?)])
  func manifests(lines: String, complaint: String?) {
    let problems = Lane.stream(lines.replacing(", key", with: "\nkey")).problems()
    #expect(problems.count == (complaint == nil ? 0 : 1), "\(problems)")
    if let complaint { #expect(problems.first?.contains("streams.out.manifest: \(complaint)") == true, "\(problems)") }
  }

  @Test("a schedule needs a time zone that the machine knows")
  func zones() {
    #expect(Lane.stream("timezone: Europe/Paris").problems() == [])
    #expect(
      Lane.stream("timezone: Europe/Nowhere").problems().first?.contains(
        "streams.out.timezone: this machine knows no time zone of this name") == true)
    #expect(
      Lane.feed("expect: {by: \"06:00\", timezone: Europe/Nowhere}").problems().first?.contains(
        "feeds.in.expect.timezone: this machine knows no time zone of this name") == true)
  }

  @Test(
    "metrics lie in no folder of a lane, a store or the state",
    arguments: ["/srv/landing/deep", "/srv/import", "/srv/shelf", "/var/lib/navette"])
  func metrics(folder: String) {
    let text = Lane.feedHead + Lane.shelf + "metrics: {textfile: \(folder)/navette.prom}\n"
    let problems = Bench(text).problems()
    #expect(problems.count == 1 && problems.first?.hasSuffix("where it does not belong. Choose another folder") == true)
    #expect(Bench(text.replacing(folder + "/", with: "/var/lib/prometheus/")).problems() == [])
  }
}
