import Core
import Glibc
import SystemPackage
import Testing

@testable import Config

@Suite("The example that ships")
struct ShippedExampleTests {
  /// `etc/navette/navette.yaml`, found from this file.
  private static let lines: [String] = {
    let path = FilePath("\(#filePath)").removingLastComponent().removingLastComponent().removingLastComponent()
      .appending("etc/navette/navette.yaml")
    let bytes = (try? ConfigSource.disk.read(path, 1 << 20)) ?? []
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
  }()

  /// A line for reading has one space after its `#`; a setting none, or its own indentation.
  private static func isSetting(_ line: String) -> Bool {
    line.hasPrefix("#") && line.count > 1 && (!line.hasPrefix("# ") || line.hasPrefix("#  "))
      && !line.hasPrefix("#   navette")
      && !line.hasPrefix("#   systemctl") && !line.contains("${credential:NAME}") && !line.contains("${file:/path} ")
  }

  /// With the settings switched on, as the file's own words say how.
  private static func switchedOn() -> Bench {
    let text = lines.compactMap { line -> String? in
      if line == "feeds: {}" || line == "streams: {}" { return nil }
      return isSetting(line) ? String(line.dropFirst()) : line
    }
    var bench = Bench(text.joined(separator: "\n"))
    bench.environment = ["CREDENTIALS_DIRECTORY": "/run/credentials"]
    for name in [
      "aws-key-id", "aws-secret", "aws-session", "aws-sse-key", "azure-key", "sftp-key", "sftp-pass", "pgp", "pgp-pass",
    ] {
      bench.files["/run/credentials/\(name)"] = "invented\n"
    }
    return bench
  }

  @Test("is valid as it is, and has no lanes")
  func asShipped() throws {
    let settings = try Bench(Self.lines.joined(separator: "\n")).read()
    #expect(Self.lines.count > 50)
    #expect(settings.feeds.isEmpty && settings.streams.isEmpty && settings.stores.isEmpty)
  }

  @Test("is valid with everything that works switched on, and shows the defaults")
  func switchedOn() throws {
    let settings = try Self.switchedOn().read()
    #expect(settings.state == Settings().state && settings.limits == LimitSettings() && settings.host == "acc-prod")
    #expect(settings.stores.map(\.name.text) == ["aep", "blob", "partner", "shelf"])
    var feed = FeedSettings(
      name: try #require(FeedName("audiences")), landing: "/srv/campaign/landing", handover: "/srv/campaign/import")
    (feed.owner, feed.group) = ("neolane", "neolane")
    feed.require.sample = "/etc/navette/audiences-sample.csv"
    feed.unique = FeedSettings.Unique(columns: ["email"])
    feed.rejects = FeedSettings.Rejects(atMost: .share(100))
    feed.rewrite = FeedSettings.Rewrite()
    feed.pull = FeedSettings.Pull(store: try #require(StoreName("aep")))
    feed.pull?.prefix = "audiences/"
    var expect = FeedSettings.Expect(by: try #require(TimeOfDay(hour: 6, minute: 0)))
    (expect.days, expect.timezone) = ([.mon, .tue, .wed, .thu, .fri], "Europe/Paris")
    feed.expect = expect
    feed.decrypt = FeedSettings.Decrypt(key: Secret("invented"))
    feed.decrypt?.passphrase = Secret("invented")
    #expect(settings.feeds == [feed])
    var stream = StreamSettings(
      name: try #require(StreamName("opens")), logs: ["/var/log/campaign/opens.csv"],
      stores: [try #require(StoreName("aep"))])
    stream.after = .delete
    #expect(settings.streams == [stream])
    let aep = settings.stores[0]
    #expect(aep == StoreSettings(name: aep.name, target: aep.target))
  }
}
