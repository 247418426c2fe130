import Core
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Config

/// One key as `docs/man/navette.yaml.5` tells it.
private struct Entry: Hashable, CustomStringConvertible {
  var section: String
  var key: String
  var takes = ""
  /// Nil: it has none.
  var byDefault: String?
  var isRequired = false
  var example = ""

  var description: String { key }
  var parts: [String] { key.split(separator: ".").map(String.init) }
  /// Below the name of a store or lane.
  var path: [String] { ["stores", "feeds", "streams"].contains(parts[0]) ? Array(parts.dropFirst(2)) : parts }
}

/// The page, read.
private enum Manual {
  static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "docs/man/navette.yaml.5")

  static let entries: [Entry] = {
    let lines = ((try? String(contentsOf: path, encoding: .utf8)) ?? "").components(separatedBy: "\n")
    var section = ""
    var found: [Entry] = []
    for (index, line) in lines.enumerated() {
      if line.hasPrefix(".Ss ") { section = String(line.dropFirst(4)) }
      if line.hasPrefix(".Sh ") { section = line == ".Sh KEYS" ? "The agent" : "" }
      if section.isEmpty || section == "Values" { continue }
      if line.hasPrefix(".It Ic ") { found.append(Entry(section: section, key: String(line.dropFirst(7)))) }
      guard !found.isEmpty else { continue }
      let last = found.count - 1
      if line.hasPrefix("Takes ") { found[last].takes = plain(line.dropFirst(6).dropLast()) }
      if line == "Required." { found[last].isRequired = true }
      if line == "Default:" { found[last].byDefault = argument(lines[index + 1]) }
      if line.hasPrefix(".Dl ") { found[last].example = plain(line.dropFirst(4)) }
    }
    return found
  }()

  /// Of `.Ql VALUE .`
  private static func argument(_ line: String) -> String {
    var text = line.dropFirst(4).dropLast(2)
    if text.hasPrefix("\"") { text = text.dropFirst().dropLast() }
    return plain(text)
  }

  private static func plain(_ text: Substring) -> String {
    var text = String(text)
    for (from, to) in [
      ("\\(dq", "\""), ("\\(ti", "~"), ("\\(ha", "^"), ("\\(ga", "`"), ("\\(aq", "'"), ("\\&", ""), ("\\e", "\\"),
    ] {
      text = text.replacing(from, with: to)
    }
    return text
  }
}

@Suite("The manual page of the configuration")
struct ManualTests {
  private static let everything = """
    stores:
      a: { url: "s3://bucket-one/p", region: eu-west-1, timeouts: {}, object_lock: {} }
      b: { url: "azblob://account/container", account_key: k }
      c: { url: "sftp://u@h/folder", password: k, known_hosts: /k }
      d: { url: "file:///srv/shelf", budget: { per_day: 24 } }
    feeds:
      in: { landing: /in, handover: /out, ready: {}, format: {}, require: {}, archive: {}, quarantine: {},
            decrypt: { key: k }, rejects: { at_most: 1 }, rewrite: {}, expect: { by: "06:00" }, pull: { store: d } }
      json: { landing: /other, handover: /out, format: { type: json }, rewrite: {} }
    streams:
      out: { logs: [/l], store: d, header: {}, batch: {}, compression: {}, encrypt: { key: k }, archive: {}, delivered: {},
             rows: { replace: {} }, rejects: { at_most: 1 }, shape: { preset: tracking, instance: a }, dataflow: { every: 4h } }
    metrics: {}
    limits: { bandwidth: [{ from: "08:00", to: "18:00", rate: 1 }] }
    """

  /// What the reader makes of it, whether the agent can do it yet or not.
  private func read(_ text: String) -> (settings: Settings, walk: Walk) {
    let walk = Walk()
    let (root, problems) = YamlParser.parse(Array(text.utf8), file: "m")
    walk.report(problems)
    let source = ConfigSource(
      read: { (_, _) throws(FileFault) in Array("k".utf8) }, list: { (_) throws(FileFault) in [] })
    let environment = ["KEY": "k", "KEY_ID": "k", "CREDENTIALS_DIRECTORY": "/c"]
    let tree = Expansion(environment: environment, source: source, secrets: .needed, walk: walk).expand(
      Merge.merge(root.map { [$0] } ?? [], walk))
    let section = Section(tree, place: .start(of: "m"), spot: Spot(walk: walk, path: "", quiet: false))
    return (Settings(section, machine: "acc-prod"), walk)
  }

  /// A configuration in which the lines stand where the entry's key belongs.
  private func text(_ entry: Entry, _ lines: String) -> String {
    let store = "stores:\n  shelf:\n    url: file:///srv/shelf\n"
    switch (entry.parts[0], entry.section) {
    case ("stores", "Stores at azblob://"):
      let principal = "    identity: principal\n    tenant_id: t\n    client_id: c\n"
      let beside = [
        "account_key": "", "sas_token": "", "connection_string": "", "identity": "",
        "tenant_id": "    identity: workload\n", "client_id": "    identity: managed\n", "client_secret": principal,
        "client_certificate": principal, "token_file": "    identity: workload\n",
        "authority": "    identity: workload\n",
      ]
      return "stores:\n  b:\n    url: azblob://account/container\n" + (beside[entry.path[0]] ?? "    account_key: k\n")
        + "    \(lines)\n"
    case ("stores", "Stores at sftp://"):
      let access = ["password", "private_key"].contains(entry.path[0]) ? "" : "    private_key: k\n"
      let host = ["known_hosts", "host_key_sha256", "host_key"].contains(entry.path[0]) ? "" : "    known_hosts: /k\n"
      return "stores:\n  c:\n    url: sftp://u@h/folder\n" + access + host + "    \(lines)\n"
    case ("stores", "Stores at s3://"):
      // What must stand beside it.
      let beside = [
        "access_key_id": "    secret_access_key: k\n", "secret_access_key": "    access_key_id: k\n",
        "session_token": "    access_key_id: k\n    secret_access_key: k\n", "external_id": "    role_arn: r\n",
        "kms_key_id": "    server_side_encryption: aws:kms\n",
      ]
      let region = entry.path[0] == "region" ? "" : "    region: eu-west-1\n"
      return "stores:\n  a:\n    url: s3://bucket-one/p\n" + region + (beside[entry.path[0]] ?? "") + "    \(lines)\n"
    case ("stores", _): return "stores:\n  d:\n    url: file:///srv/shelf\n    \(lines)\n"
    case ("feeds", "Feeds of JSON"):
      return store + "feeds:\n  in:\n    landing: /in\n    handover: /out\n    format: { type: json }\n    \(lines)\n"
    case ("feeds", _): return store + "feeds:\n  in:\n    landing: /in\n    handover: /out\n    \(lines)\n"
    case ("streams", _): return store + "streams:\n  out:\n    logs: [/l]\n    store: shelf\n    \(lines)\n"
    default: return lines + "\n"
    }
  }

  @Test func listsEveryKeyAndWhatItTakes() {
    let known = Set(
      read(Self.everything).walk.known.map { path, expected in
        let name = path.replacing(/^(stores|feeds|streams)\.[a-z]+\./) { "\($0.output.1).NAME." }
        return "\(name.replacing(/\[\d+\]/, with: "[]"))\t\(expected)"
      })
    let told = Set(Manual.entries.map { "\($0.key)\t\($0.takes)" })
    #expect(
      known.subtracting(told).isEmpty, "the page lacks:\n\(known.subtracting(told).sorted().joined(separator: "\n"))")
    #expect(
      told.subtracting(known).isEmpty, "no such key:\n\(told.subtracting(known).sorted().joined(separator: "\n"))")
  }

  @Test("every default is the one in force", arguments: Manual.entries.filter { $0.byDefault != nil })
  fileprivate func defaults(entry: Entry) throws {
    let beside = ["expect": "by: \"06:00\"", "pull": "store: shelf", "decrypt": "key: k", "encrypt": "key: k"]
    let value = try #require(entry.byDefault)
    let path = entry.path
    let (with, without): (String, String)
    if path.count == 2 {
      let must = beside[path[0]]
      with = "\(path[0]): { \(must.map { $0 + ", " } ?? "")\(path[1]): \(value) }"
      without = must.map { "\(path[0]): { \($0) }" } ?? (path[0] == "rewrite" ? "rewrite: {}" : "")
    } else {
      with = "\(path[0]): \(value)"
      without = ""
    }
    let (said, silent) = (read(text(entry, with)), read(text(entry, without)))
    #expect(said.walk.problems.map(\.description) == [])
    #expect(silent.walk.problems.map(\.description) == [])
    #expect(said.settings == silent.settings, "\(with)")
  }

  @Test("every example is accepted, and says something", arguments: Manual.entries)
  fileprivate func examples(entry: Entry) {
    #expect(!entry.example.isEmpty && entry.example.contains("\(entry.path.last?.replacing("[]", with: "") ?? "")"))
    var config = text(entry, entry.example)
    if ["landing", "handover", "logs", "store", "url"].contains(entry.path.joined(separator: ".")) {
      // In place of the one that stands there.
      let lines = text(entry, "").split(separator: "\n").map(String.init)
      config = lines.map { $0.hasPrefix("    \(entry.path[0]): ") ? "    \(entry.example)" : $0 }.joined(
        separator: "\n")
    }
    let problems = read(config).walk.problems.filter { !$0.message.contains("this key is missing") }
    #expect(problems.map(\.description) == [], "\(config)")
  }

  @Test func isCleanByTheFormatter() async throws {
    let mandoc = "/usr/bin/mandoc"
    guard FileManager.default.isExecutableFile(atPath: mandoc) else { return print("skipped, no mandoc: \(#function)") }
    let said = try await Spawn.run(
      [mandoc, "-T", "lint", "-W", "warning", Manual.path.path], environment: Spawn.ownEnvironment)
    #expect(said.exitCode == 0 && said.stdout.isEmpty && said.stderr.isEmpty, "\(said)")
  }
}
