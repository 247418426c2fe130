import Foundation
import TestKit
import Testing

/// Certificates that nobody is asked to trust.
enum PEMSample {
  static let certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
  static let damaged = "-----BEGIN CERTIFICATE-----\nMIIBszCC*\n-----END CERTIFICATE-----\n"
  static let cut = "-----BEGIN CERTIFICATE-----\nMIIBszCC\n"
}

@Suite("A store that cannot be made")
struct StoreSettingsTests {
  private static let s3 = "url: s3://bucket/x, region: eu-west-1, access_key_id: a, secret_access_key: b"
  private static let azure = "url: azblob://account/container"
  private static let sftp = "url: \"sftp://u@127.0.0.1:1/x\""
  private static let pin = "host_key_sha256: \"SHA256:\(String(repeating: "A", count: 43))\""
  private static let signed = "sv=2021-12-02&sr=c&sp=rcwl&sig=c4nary%3D"

  /// A store, and the key that is to be named; nil: nothing is wrong with it.
  private static let table: [(store: String, key: String?)] = [
    ("\(azure), account_key: \"c4nary, no base64!\"", "account_key"),
    ("\(azure), account_key: \"\"", "account_key"),
    ("\(azure), account_key: YzRuYXJ5", nil),
    ("\(azure), connection_string: \"AccountName=other;AccountKey=YzRuYXJ5\"", "connection_string"),
    ("\(azure), connection_string: \"AccountName=account;AccountKey=c4nary!\"", "connection_string"),
    ("\(azure), connection_string: c4nary", "connection_string"),
    ("\(azure), connection_string: \"BlobEndpoint=c4nary;AccountKey=YzRuYXJ5\"", "endpoint"),
    ("\(azure), sas_token: c4nary", "sas_token"),
    ("\(azure), sas_token: \"sv=1&se=2026-03-12\"", "sas_token"),
    ("\(azure), sas_token: \"\(signed)&se=garbage\"", "sas_token"),
    ("\(azure), sas_token: \"\(signed)&se=0000-01-01T00%3A00%3A00Z\"", "sas_token"),
    ("\(azure), sas_token: \"\(signed)&se=262144-01-01T00%3A00%3A00Z\"", "sas_token"),
    ("\(azure), sas_token: \"\(signed)&se=9999-12-31T23%3A59%3A59Z\"", nil),
    ("\(azure), sas_token: \"\(signed)\"", nil),
    ("\(azure), account_key: YzRuYXJ5, endpoint: \"ftp://h\"", "endpoint"),
    ("\(azure), account_key: YzRuYXJ5, ca_file: ROOT/text.pem", "ca_file"),
    ("\(s3), ca_file: ROOT/none.pem", "ca_file"),
    ("\(s3), ca_file: ROOT", "ca_file"),
    ("\(s3), ca_file: ROOT/text.pem", "ca_file"),
    ("\(s3), ca_file: ROOT/damaged.pem", "ca_file"),
    ("\(s3), ca_file: ROOT/cut.pem", "ca_file"),
    ("\(s3), ca_file: ROOT/good.pem", nil),
    ("\(s3), endpoint: \"http://h/path\"", "endpoint"),
    ("\(sftp), \(pin), private_key: c4nary", "private_key"),
    ("\(sftp), \(pin), private_key: \"ssh-ed25519 c4nary me\"", "private_key"),
    ("\(sftp), \(pin), private_key: \"-----BEGIN OPENSSH PRIVATE KEY-----\\nc4na\\n\"", "private_key"),
    ("\(sftp), \(pin), password: c4nary", nil),
    ("\(sftp), known_hosts: ROOT/none, password: c4nary", "known_hosts"),
    ("url: \"file://ROOT/text.pem\"", "url"),
  ]

  private func site(_ store: String = "url: \"file://ROOT/shelf\"") throws -> Site {
    let site = try Site(Site.settings(store: store))
    try site.write("good.pem", "# ours\n" + PEMSample.certificate)
    try site.write("text.pem", "no certificate\n")
    try site.write("damaged.pem", PEMSample.damaged)
    try site.write("cut.pem", PEMSample.certificate + PEMSample.cut)
    return site
  }

  @Test("Check and start say the same of it, and name its key", arguments: table.indices)
  func checkAndStartAgree(number: Int) async throws {
    let (store, key) = Self.table[number]
    let site = try site(store)
    let check = try await site.navette("check")
    let run = try await site.navette("run", "--once")
    #expect((check.exitCode == 78) == (key != nil), "\(store): \(check)")
    // A folder is the store's own trouble: what goes there waits.
    #expect((run.exitCode == 78) == (key != nil && key != "url"), "\(store): \(run)")
    guard let key else { return }
    let line = check.stderr.split(separator: "\n").first { $0.contains("stores.shelf.\(key): ") }
    #expect(line != nil, "\(store): \(check.stderr)")
    if key != "url" { #expect(run.stderr.contains(try #require(line)), "\(store): \(run.stderr)") }
    #expect(!(check.stderr + run.stderr).contains("c4nary"), "\(check.stderr)")
  }

  @Test func aReloadWithItIsRefusedAndTheAgentGoesOn() async throws {
    let site = try site()
    let agent = try await site.agent()
    for (number, (store, key)) in Self.table.filter({ $0.key != nil && $0.key != "url" }).enumerated()
    where number % 4 == 0 {
      try site.configure(Site.settings(store: store))
      let before = agent.stderr.split(separator: "\n").count { $0.contains("config_refused") }
      agent.signal(SIGHUP)
      try await eventually("it is refused: \(store)") {
        agent.stderr.split(separator: "\n").count { $0.contains("config_refused") } == before + 1
      }
      #expect(agent.stderr.contains("stores.shelf.\(try #require(key))"), "\(agent.stderr)")
      try site.append("log/a.csv", "id\n\(number)\n")
      try await eventually("the old store is used") { try await site.records().contains("\(number)") }
    }
    #expect(!agent.stderr.contains("config_reloaded"))
    #expect(agent.exitCode == nil)
  }

  @Test func aCommandThatSendsNothingNeedsNoSecret() async throws {
    let site = try site("\(Self.azure), account_key: \"c4nary, no base64!\"")
    for words in [["flush"], ["status"], ["pause", "audiences"], ["resume", "audiences"]] {
      let outcome = try await Spawn.run(site.arguments(words), environment: Site.environment)
      #expect(outcome.exitCode == 0, "\(words): \(outcome)")
    }
    // Of a secret that only the service has, nothing is said.
    try site.configure(Site.settings(store: "\(Self.azure), account_key: \"${credential:azure}\""))
    let check = try await site.navette("check")
    #expect(check.exitCode == 0 && check.stdout.contains("not looked at, for only the service has it"), "\(check)")
  }

  @Test func oneThatBreaksAfterTheCheckStopsItsOwnLanesAndHeals() async throws {
    let site = try site()
    try site.makeFolder("log2")
    let text = Site.settings(stream: "").replacing(
      "stores:", with: "stores:\n  far: { \(Self.s3), endpoint: \"http://127.0.0.1:1\", ca_file: ROOT/good.pem }")
    try site.configure(text + "\n  clicks: { logs: [\"ROOT/log2/*.csv\"], store: far, batch: { max_age: 300ms } }")
    try site.write("good.pem.gone", "")
    let agent = try await site.agent(as: Shim.vanishing(site.path("good.pem")))
    try site.append("log2/a.csv", "id\n1\n")
    try await eventually("its stream tells why") {
      agent.stderr.split(separator: "\n").contains { $0.contains("credential_refused") && $0.contains("ca_file") }
    }
    try site.append("log/a.csv", "id\n1\n")
    try site.write("landing/a.csv", audience(1))
    try await eventually("the others go on") { try await site.records() == ["1"] }
    try await eventually("the feed too") { site.handedOver == ["a.csv"] }
    let status = try await site.navette("status")
    #expect(status.stdout.contains("ca_file"), "\(status.stdout)")
    try FileManager.default.removeItem(atPath: site.path("good.pem.gone"))
    // A retry is due within half a minute; then the server itself is what cannot be reached.
    try await eventually("it is made by itself", within: .seconds(90)) {
      !(try await site.navette("status").stdout.contains("ca_file"))
    }
    #expect(agent.exitCode == nil && !agent.stderr.contains("config_reloaded"))
  }

  @Test func oneThatBreaksAfterTheCheckIsMadeAnewByAReload() async throws {
    let site = try site("\(Self.s3), endpoint: \"http://127.0.0.1:1\", ca_file: ROOT/good.pem")
    try site.write("good.pem.gone", "")
    let agent = try await site.agent(as: Shim.vanishing(site.path("good.pem")))
    try site.append("log/a.csv", "id\n1\n")
    try await eventually("its stream tells why") { agent.stderr.contains("credential_refused") }
    // With the file still gone the reload is refused.
    agent.signal(SIGHUP)
    try await eventually("it is refused") { agent.stderr.contains("config_refused") }
    try FileManager.default.removeItem(atPath: site.path("good.pem.gone"))
    agent.signal(SIGHUP)
    try await eventually("it is taken") { agent.stderr.contains("config_reloaded") }
    try await eventually("the server is what is away now", within: .seconds(90)) {
      try await !site.navette("status").stdout.contains("ca_file")
    }
    #expect(agent.exitCode == nil)
  }
}
