import SystemPackage
import Testing

@testable import Config

@Suite("The sandbox is opened for what is configured, and no further")
struct DropInTests {
  private func dropIn(_ text: String) throws -> String? {
    DropIn(try Bench(text).read())?.description
  }

  @Test func theShippedConfigurationNeedsNone() throws {
    #expect(try dropIn("feeds: {}\nstreams: {}\n") == nil)
  }

  @Test func eachFolderIsNamedOnce() throws {
    let text = """
      state: /srv/navette/state
      stores:
        shelf: { url: "file:///srv/shelf" }
      feeds:
        a: { landing: /srv/campaign/in a, handover: /srv/campaign/import }
        b: { landing: /srv/campaign/50%, handover: /srv/campaign/other }
      streams:
        opens: { logs: ["/var/log/campaign/opens.csv", "/var/log/campaign/opens-*.csv"], store: shelf }
      """
    #expect(
      try dropIn(text) == """
        [Service]
        ReadWritePaths=-/srv/campaign/50%%
        ReadWritePaths=-/srv/campaign/import
        ReadWritePaths="-/srv/campaign/in a"
        ReadWritePaths=-/srv/campaign/other
        ReadWritePaths=-/srv/navette/state
        ReadWritePaths=-/srv/shelf
        ReadWritePaths=-/var/log/campaign
        """)
  }

  @Test func whatTheUnitHidesIsBoundIn() throws {
    let text = """
      stores:
        shelf: { url: "file:///tmp/shelf" }
      feeds:
        a: { landing: /home/partner/in, handover: /srv/import }
      """
    #expect(
      try dropIn(text) == """
        [Service]
        ProtectHome=tmpfs
        ReadWritePaths=-/srv/import
        BindPaths=-/home/partner/in
        BindPaths=-/tmp/shelf
        """)
  }
}
