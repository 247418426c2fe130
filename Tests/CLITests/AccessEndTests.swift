import Foundation
import TestKit
import Testing

@Suite("The end of a token is told ahead")
struct AccessEndTests {
  private func site(endsIn days: Double) throws -> (site: Site, end: String) {
    let end = Date(timeIntervalSinceNow: days * 86_400).formatted(.iso8601)
    let token = "sv=2021-12-02&sr=c&sp=rcwl&se=\(end.replacing(":", with: "%3A"))&sig=c4nary%3D"
    let store = "url: azblob://account/container, endpoint: \"http://127.0.0.1:1/account\", sas_token: \"\(token)\""
    return (try Site(Site.settings(store: store)), end)
  }

  @Test func daysBeforeInStatusCheckAndAsAnEvent() async throws {
    let (site, end) = try site(endsIn: 3.5)
    let status = try await site.navette("status")
    #expect(status.stdout.contains("store shelf: access ends at \(end), in 3 days. Get a new sas_token"), "\(status)")
    let json = try await site.navette("status", "--json")
    #expect(
      json.stdout.contains(
        #""stores":[{"access_ends":"\#(end)","due":0,"name":"shelf","nothing_confirmed_since":null"#), "\(json)")
    let check = try await site.navette("check", "--connect")
    #expect(check.exitCode == 69 && check.stdout.contains("store shelf: access: ends at \(end), in 3 days"), "\(check)")
    let agent = try await site.agent()
    try await eventually("it is told") { agent.stderr.contains("credential_expiring") }
    #expect(agent.stderr.contains("store=shelf reason=\(end): The access to store shelf ends at \(end), in 3 days"))
    agent.signal(SIGTERM)
    try await eventually("it has stopped") { agent.exitCode != nil }
    let all = [status.stdout, json.stdout, check.stdout, check.stderr, agent.stderr]
    #expect(agent.exitCode == 0 && !all.joined().contains("c4nary"))
  }

  @Test func butNotWeeksBefore() async throws {
    let (site, end) = try site(endsIn: 20.5)
    #expect(try await site.navette("status").stdout.contains("access ends at \(end), in 20 days\n"))
    let agent = try await site.agent()
    try site.write("landing/a.csv", audience(1))
    try await eventually("a file takes its way, which is longer") { site.handedOver == ["a.csv"] }
    #expect(!agent.stderr.contains("credential_expiring"))
  }

  @Test func andWhenItHasEnded() async throws {
    let (site, end) = try site(endsIn: -1)
    let check = try await site.navette("check", "--connect")
    #expect(check.stdout.contains("store shelf: access: ended at \(end). Put a new sas_token"), "\(check)")
    let agent = try await site.agent()
    try await eventually("it is told") { agent.stderr.contains("credential_expiring") }
  }
}
