import Foundation
import TestKit
import Testing

/// Numbers and times that no file, no plan and no ledger of ours would hold, at every field, through the whole program.
@Suite("Extremes at every field")
struct ExtremeTests {
  private static let numbers = [
    "0", "-1", "2147483648", "9007199254740992", "9223372036854775807", "9223372036854775808", "18446744073709551615",
    "18446744073709551616", "1e400", "1e20", "-1e400", "0.5", "null", "\"1\"", "[]",
  ]
  private static let times = [
    "0000-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z", "1677-09-21T00:12:43.145Z", "2262-04-11T23:47:16.854Z",
    "9999-12-31T23:59:59.999Z", "2026-02-30T00:00:00.000Z", "2026-03-12T24:00:00.000Z", "",
    "2026-03-12T06:00:00.99999999999999999999Z",
  ]

  private func spoilt(_ text: String, _ fields: [(String, [String])]) -> [String] {
    fields.flatMap { field, values in
      values.compactMap { value in
        let pattern = try? Regex("\"\(field)\":(\"[^\"]*\"|[^,}\\]]*)")
        guard let pattern, text.firstMatch(of: pattern) != nil else { return nil }
        return text.replacing(pattern, with: "\"\(field)\":\(value)", maxReplacements: 1)
      }
    }
  }

  private func quoted(_ texts: [String]) -> [String] { texts.map { "\"\($0)\"" } }

  private func serve(_ site: Site, _ agent: RunningProgram, stream: Bool) async throws {
    try site.write("landing/good.csv", audience(1))
    if stream { try site.append("log/good.csv", "id,label\n1,x\n") }
    try await eventually("the neighbours are served", within: .seconds(60)) {
      try #require(agent.exitCode == nil, "\(agent.stderr)")
      let sent = try await site.records()
      return site.text("import/good.csv") == audience(1) && (!stream || sent.contains("1,x"))
    }
    #expect(try await site.navette("status", "--json").exitCode == 0)
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0, "\(agent.stderr)")
  }

  @Test func ofDropPlans() async throws {
    let site = try Site()
    let good = """
      {"checkedAt":"2026-03-12T06:00:00.000Z","feed":"audiences","handedOverAt":"2026-03-12T06:00:00.000Z","id":"ID","parts":[\
      {"changed":0,"clear":{"sha256":"\(String(repeating: "0", count: 64))","size":7},"device":1,"inode":1,"landing":"/srv/landing",\
      "name":"a.csv","origin":{"key":"k","modified":"2026-03-12T06:00:00.000Z","size":3,"store":"shelf"},"rows":2,"size":20,\
      "stagedInode":9,"dialect":{"backslash":false,"delimiter":44}}],"schema":1,"seenAt":"2026-03-12T06:00:00.000Z",\
      "staged":{"at":"2026-03-12T06:00:00.000Z","folder":"/srv/import","isMount":false}}
      """
    let numbers = ["changed", "size", "device", "inode", "rows", "stagedInode", "delimiter", "schema"]
    let times = ["checkedAt", "handedOverAt", "seenAt", "modified", "at"]
    let all =
      spoilt(good, numbers.map { ($0, Self.numbers) }) + spoilt(good, times.map { ($0, quoted(Self.times)) })
      + spoilt(good, [("parts", ["[]", "{}", "7"]), ("id", ["\"\""]), ("landing", ["\"\"", "\"x\""])])
    #expect(all.count > 150)
    for (number, text) in all.enumerated() {
      let place = ["claimed", "handover", "held", "archive", "quarantine", "gathering"][number % 6]
      let id = "20260312T060000Z-" + String(0x10_0000 + number, radix: 16)
      let folder = "state/feeds/audiences/\(place)/\(id)"
      try site.makeFolder("\(folder)/parts")
      try site.write("\(folder)/parts/a.csv", "email,segment\np,q\nrr,s\n")
      try site.write("\(folder)/drop.json", text.replacing("\"ID\"", with: "\"\(id)\""))
    }
    let agent = try await site.agent()
    try await serve(site, agent, stream: true)
    #expect(try await site.navette("drops", "--json").exitCode == 0)
    #expect(try await site.navette("rebuild").exitCode == 0)
  }

  @Test func ofBatchPlans() async throws {
    let site = try Site()
    let zeros = String(repeating: "0", count: 64)
    let good = """
      {"bytes":13,"compressedBytes":33,"header":"\(zeros)","host":"acc","id":"ID","key":"opens/a.csv.gz","md5":"\(zeros.prefix(32))",\
      "rows":1,"schema":1,"sealedAt":"2026-03-12T06:00:00.000Z","segments":[{"from":0,"identity":{"birth":1,"device":1,\
      "head":"\(zeros)","headBytes":13,"inode":1},"path":"/srv/log/a.csv","source":"s0123456789abcdef","to":13}],\
      "sha256":"\(zeros)","stores":["shelf"]}
      """
    let numbers = ["bytes", "compressedBytes", "rows", "from", "to", "birth", "device", "headBytes", "inode", "schema"]
    let all =
      spoilt(good, numbers.map { ($0, Self.numbers) }) + spoilt(good, [("sealedAt", quoted(Self.times))])
      + spoilt(
        good, [("segments", ["[]", "{}"]), ("stores", ["[]"]), ("key", ["\"\"", "\"/\""]), ("path", ["\"\""])])
    #expect(all.count > 140)
    for (number, text) in all.enumerated() {
      let place = ["ready", "held", "delivered"][number % 3]
      let id = "opens-\(100_000 + number)"
      let folder = "state/streams/opens/\(place)/\(id)"
      try site.makeFolder(folder)
      try site.write("\(folder)/object.csv.gz", String(repeating: "x", count: 33))
      try site.write("\(folder)/batch.json", text.replacing("\"ID\"", with: "\"\(id)\""))
    }
    let agent = try await site.agent()
    // Nobody knows what those hold that cannot be read: the stream waits for a person.
    try await serve(site, agent, stream: false)
    #expect(agent.stderr.contains("batch_damaged"))
    #expect(try await site.navette("batches", "--json").exitCode == 0)
    #expect(try await site.navette("rebuild").exitCode == 0)
  }

  @Test func ofManifests() async throws {
    let site = try Site(
      Site.settings(feed: "include: [\"*.csv\"]").replacing("settle: 100ms", with: "settle: 100ms, timeout: 1s"))
    let good =
      #"{"exportResults":[{"name":"a.csv","sinkPath":"x","size":1},{"name":"b.csv","size":2}],"flowRunId":"r","scheduledTime":"t"}"#
    let all = spoilt(good, [("size", Self.numbers), ("scheduledTime", quoted(Self.times))])
    let agent = try await site.agent()
    for (number, text) in all.enumerated() {
      let tail = String(repeating: "0", count: 8) + String(format: "%04d", number)
      try site.write("landing/manifest-aep-00000000-0000-4000-8000-\(tail).json", text)
    }
    try await eventually("all are refused", within: .seconds(60)) {
      try #require(agent.exitCode == nil, "\(agent.stderr)")
      return site.names(in: "state/feeds/audiences/quarantine").count == all.count
    }
    try await serve(site, agent, stream: true)
  }

  /// Each whole number of each table, once as small and once as large as it can be: no command and no run ends by a signal.
  @Test func ofTheLedger() async throws {
    let site = try Site()
    try site.write("landing/good.csv", audience(1))
    try site.append("log/a.csv", "id,label\n1,x\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    try site.append("log/b.csv", "id,label\n2,x\n")
    #expect(try await site.navette("flush").exitCode == 0)
    let script = """
      import shutil, sqlite3, subprocess, sys
      program, config, state = sys.argv[1:]
      shutil.copytree(state, state + '.good')
      base = sqlite3.connect(state + '.good/ledger.sqlite')
      tables = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
      columns = [(t, c[1]) for t in tables for c in base.execute(f'PRAGMA table_info({t})') if c[2] == 'INTEGER']
      base.close()
      assert len(columns) > 20, columns
      for table, column in columns:
          for value in (-2**63, 2**63 - 1):
              shutil.rmtree(state); shutil.copytree(state + '.good', state)
              ledger = sqlite3.connect(state + '/ledger.sqlite')
              try: ledger.execute(f'UPDATE {table} SET {column} = ?', (value,)); ledger.commit()
              except sqlite3.IntegrityError: pass
              ledger.close()
              for words in (['status'], ['drops'], ['batches'], ['run', '--once', '--adopt']):
                  try: code = subprocess.run([program, *words, '--config', config], capture_output=True, timeout=60).returncode
                  except subprocess.TimeoutExpired: code = 'no end'
                  if code == 'no end' or code < 0 or code > 100: print(table, column, value, words, code)
      """
    try site.write("extremes.py", script)
    let outcome = try await Spawn.run(
      ["python3", site.path("extremes.py"), Program.path, site.path("navette.yaml"), site.path("state")],
      environment: Site.environment, timeout: .seconds(900))
    #expect(outcome.exitCode == 0 && outcome.stdout.isEmpty, "\(outcome.stdout)\(outcome.stderr)")
  }
}
