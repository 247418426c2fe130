import Core
import Testing

@testable import Config

@Suite("Whether the consumer could read what is handed over")
struct ConsumerCheckTests {
  private func note(
    folder group: UInt32 = 50, setsGroup: Bool = false, consumer: Environment.Account? = nil, agent: [UInt32] = [7],
    user: UInt32 = 7, _ change: (inout FeedSettings) -> Void = { _ in }
  ) throws -> String? {
    var feed = FeedSettings(name: try #require(FeedName("in")), landing: "/in", handover: "/out")
    change(&feed)
    return ConsumerCheck.note(
      feed, folder: Environment.Ownership(owner: 100, group: group, setsGroup: setsGroup),
      consumer: consumer ?? Environment.Account(user: 100, name: "neolane", groups: [50, 60]),
      agent: ConsumerCheck.Agent(user: user, groups: agent, name: "navette"), groupName: { "g\($0)" })
  }

  @Test("It could, where files get the folder's group, and it is in it")
  func readable() throws {
    #expect(try note(agent: [7, 50]) == nil)
    #expect(try note(user: 0) == nil)
    #expect(try note(setsGroup: true) == nil)
    #expect(try note { $0.mode = 0o664 } == nil)
    #expect(try note { $0.owner = "neolane" } == nil)
    #expect(try note { $0.group = "campaign" } == nil)
  }

  @Test("Where it could not, the group that the agent is not in is named")
  func outside() throws {
    #expect(
      try note()
        == "feeds.in.handover: neolane, to whom /out belongs, could not read what is handed over: navette is not in the group g50. "
        + "Run: usermod -aG g50 navette, and restart the service")
    let alone = Environment.Account(user: 100, name: "neolane", groups: [60])
    #expect(
      try note(consumer: alone, agent: [7, 50])?.contains("it is not in the group g50, which the files have") == true)
    #expect(try note(agent: [7, 50]) { $0.mode = 0o600 }?.contains("Set mode: \"0660\"") == true)
    #expect(
      try note { ($0.group, $0.mode) = ("campaign", 0o600) }?.hasPrefix("feeds.in.mode: the group campaign") == true)
  }

  @Test("The agent's own folder, or root's, says nothing of the consumer")
  func unknown() throws {
    for user in [0, 7] as [UInt32] {
      #expect(try note(consumer: Environment.Account(user: user, name: "x", groups: [])) == nil)
    }
  }

  @Test("The host's databases are asked")
  func host() throws {
    let environment = Environment()
    let root = try #require(environment.account(0))
    #expect(root.name == "root" && root.groups.contains(0))
    #expect(environment.groupName(0) == "root" && environment.groupName(4_294_000_000) == "4294000000")
    #expect(environment.account(4_294_000_000) == nil)
  }
}
