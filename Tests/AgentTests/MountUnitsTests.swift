import Config
import Core
import SystemPackage
import Testing

@testable import Agent

@Suite("What a service needs of its mounts")
struct MountUnitsTests {
  private func settings(_ landing: FilePath) throws -> Settings {
    var settings = Settings()
    settings.state = "/var/lib/navette"
    settings.feeds = [
      FeedSettings(name: try #require(FeedName("audiences")), landing: landing, handover: "/srv/import")
    ]
    return settings
  }

  @Test("Each mount once, in the names that systemd has for them")
  func lines() throws {
    let point: FilePath = "/srv/my uploads-1"
    let units = try #require(
      MountUnits(try settings("/srv/my uploads-1/landing")) { $0.starts(with: point) ? point : nil })
    #expect(
      units.description == """
        [Unit]
        RequiresMountsFor="/srv/my uploads-1"
        BindsTo=srv-my\\x20uploads\\x2d1.mount
        """)
    #expect(MountUnits.unit("/srv/campaign") == "srv-campaign.mount")
    #expect(MountUnits.unit("/.hidden/a.b_c:d/ü") == "\\x2ehidden-a.b_c:d-\\xc3\\xbc.mount")
  }

  @Test("Nothing where all lies on the root's file system")
  func none() throws {
    #expect(MountUnits(try settings("/srv/landing")) { _ in nil } == nil)
    #expect(MountUnits(try settings("/tmp/landing")) { _ in "/tmp" } == nil)
  }
}
