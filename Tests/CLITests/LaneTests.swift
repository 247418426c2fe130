import Foundation
import TestKit
import Testing

@Suite("One lane's long work keeps no other waiting")
struct LaneTests {
  private static let settings = """
    state: ROOT/state
    host: acc
    limits: { min_free: 0, workers: 1 }
    stores:
      shelf: { url: "file://ROOT/shelf" }
    feeds:
      big1: { landing: ROOT/big1, handover: ROOT/out1, ready: { settle: 100ms }, require: { max_bytes: 1TiB } }
      big2: { landing: ROOT/big2, handover: ROOT/out2, ready: { settle: 100ms }, require: { max_bytes: 1TiB } }
      big3: { landing: ROOT/big3, handover: ROOT/out3, ready: { settle: 100ms }, require: { max_bytes: 1TiB } }
      audiences: { landing: ROOT/landing, handover: ROOT/import, ready: { settle: 100ms } }
    streams:
      opens: { logs: ["ROOT/log/*.csv"], store: shelf, batch: { max_age: 300ms } }
    """

  /// A good table of which nobody sees the end: a member of 57 MB, packed to a two-hundredth, again and again.
  private static let endless = """
    printf 'email,segment\\r\\n' | gzip > head.gz
    awk 'BEGIN{for(i=0;i<600000;i++) printf "p%d@example.com,%s\\r\\n", int(i/50)%10000, "segment-of-people-who-opened-and-clicked-in-the-last-month-0000000000000000"}' | gzip > member.gz
    for n in $(seq 1 20); do cat member.gz; done > members.gz
    cp head.gz big.gz
    for n in $(seq 1 40); do cat members.gz; done >> big.gz
    rm members.gz member.gz head.gz
    """

  @Test("One worker, three checks without an end: a small file, a log, requests and a stop are served all the same")
  func aSmallFileBesideEndlessChecks() async throws {
    let site = try Site(Self.settings)
    for name in ["big1", "big2", "big3", "out1", "out2", "out3"] { try site.makeFolder(name) }
    try await site.shell(Self.endless)
    let agent = try await site.agent()
    try site.write("landing/quiet.csv", audience(1))
    var began = ContinuousClock.now
    try await eventually("a small file arrives while nothing else is done") { site.handedOver == ["quiet.csv"] }
    let quiet = ContinuousClock.now - began

    // One file under three names: its blocks are there once, its text is checked three times.
    try await site.shell(
      "for n in 1 2 3; do cp --reflink=auto big.gz big$n/.big && mv big$n/.big big$n/big.csv.gz; done")
    for number in 1...3 {
      try await eventually("big\(number) is being checked", within: .seconds(60)) {
        !site.names(in: "state/feeds/big\(number)/claimed").isEmpty
      }
    }
    for round in 2...4 {
      began = ContinuousClock.now
      try site.write("landing/small.csv", audience(round))
      try site.write("log/\(round).csv", "id\n\(round)\n")
      try await eventually("the small file arrives") {
        try #require(agent.exitCode == nil, "\(agent.stderr)")
        return site.text("import/small.csv") == audience(round)
      }
      let took = ContinuousClock.now - began
      #expect(took <= .seconds(3) + quiet * 4, "it took \(took), and \(quiet) before")
      try FileManager.default.removeItem(atPath: site.path("import/small.csv"))
      let pause = try await site.navette("pause", "big1", "--reason", "test")
      #expect(pause.exitCode == 0, "\(pause)")
      let resume = try await site.navette("resume", "big1")
      #expect(resume.exitCode == 0, "\(resume)")
      try await eventually("the record arrives") { try await site.records().contains("\(round)") }
    }
    for number in 1...3 {
      #expect(site.names(in: "out\(number)").filter { !$0.hasPrefix(".") }.isEmpty)
      #expect(!site.names(in: "state/feeds/big\(number)/claimed").isEmpty)
    }
    began = ContinuousClock.now
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(60)) == 0, "\(agent.stderr)")
    #expect(ContinuousClock.now - began < .seconds(20))
  }
}
