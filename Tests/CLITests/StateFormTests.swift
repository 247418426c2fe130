import TestKit
import Testing

/// A state folder that a later version has used: nothing in it is touched, whoever asks.
@Suite("A state folder of a later form")
struct StateFormTests {
  @Test func isRefusedInWordsByEachCommand() async throws {
    let site = try Site()
    try site.append("log/a.csv", "id,label\n1,x\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    #expect(site.text("state/form.json")?.contains("\"form\":2") == true)
    try site.write("state/form.json", "{\"form\":3,\"navette\":\"9.1.0\"}\n")
    try site.append("log/a.csv", "id,label\n2,y\n")
    let commands = [
      ["run", "--once"], ["run"], ["status"], ["drops"], ["batches"], ["show", "opens-000001"], ["verify"], ["flush"],
      ["rebuild"], ["purge", "--batch", "opens-000001", "--reason", "test"],
    ]
    for words in commands {
      let refused = try await Spawn.run(
        site.arguments(words), environment: Site.environment, directory: site.folder.path, timeout: .seconds(60))
      #expect(refused.exitCode == 74, "\(words): \(refused.stdout)\(refused.stderr)")
      #expect(refused.stderr.contains("navette 9.1.0 has used it, in form 3"), "\(words): \(refused.stderr)")
    }
    #expect(try await site.records() == ["1,x"])
    try site.write("state/form.json", "{\"form\":2,\"navette\":\"0.2.0\"}\n")
    #expect(try await site.navette("run", "--once").exitCode == 0)
    #expect(try await site.records() == ["1,x", "2,y"])
  }
}
