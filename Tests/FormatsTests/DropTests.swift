import Core
import Testing

@testable import Formats

@Suite("What names and manifests of audience drops tell")
struct DropTests {
  static let id = "12341e18-abcd-49c2-836d-123c88e76c39"

  @Test(
    "All four spellings of time are read, and part numbers are not taken for one",
    arguments: [
      ("Salesforce_Marketing_Cloud_segment\(id)_20200408061804.csv", "2020-04-08T06:18:04Z", 1),
      ("ACC_Prod_segment\(id)_03122026_060512.csv", "2026-03-12T06:05:12Z", 1),
      ("sftp_\(id)_20260312_060512.csv", "2026-03-12T06:05:12Z", 1),
      ("sftp_\(id)_20260312_060512_2.csv.gz", "2026-03-12T06:05:12Z", 2),
      ("sftp_\(id)_1652131584_3.csv", "2022-05-09T21:26:24Z", 3),
      ("sftp_\(id)_20260312060512_12.txt.gpg", "2026-03-12T06:05:12Z", 12),
      ("sftp_\(id)_12122026_000000.csv", "2026-12-12T00:00:00Z", 1),
      ("sftp_\(id)_20260312_060512_EU.csv", "2026-03-12T06:05:12Z", 1),
    ])
  func times(_ name: String, _ time: String, _ part: Int) {
    let found = DropName(FileName(name))
    #expect(found.exportedAt?.iso() == time)
    #expect(found.part == part)
    #expect(found.segment == Self.id)
  }

  @Test("Parts of one export share their set's name")
  func sets() {
    let names = ["x_20260312_060512.csv.gz", "x_20260312_060512_2.csv.gz", "x_20260312_060512_3.csv.gz"]
    let found = names.map { DropName(FileName($0)) }
    #expect(Set(found.map(\.set)) == [FileName("x_20260312_060512")])
    #expect(found.map(\.part) == [1, 2, 3])
    #expect(found[0].extensions == ["csv", "gz"])
  }

  @Test("The destination stands before the segment")
  func destination() {
    #expect(DropName(FileName("ACC_Prod_segment\(Self.id)_20200408061804.csv")).destination == "ACC_Prod")
    #expect(DropName(FileName("\(Self.id).csv")).destination == nil)
    #expect(DropName(FileName("SEGMENT\(Self.id.uppercased()).csv")).segment == Self.id)
  }

  @Test(
    "Names without a time have none",
    arguments: [
      "audience.csv", "x_20261340_060512.csv", "x_99999999999999.csv", "x_20260312.csv", "x_20260231_000000.csv", "_",
      "",
      ".csv", "x_060512.csv", "x_0123456789.csv", "x_9999999999.csv", "x_20260312_250000.csv",
    ])
  func noTime(_ name: String) {
    let found = DropName(FileName(name))
    #expect(found.exportedAt == nil)
    #expect(found.part == 1)
  }

  @Test("A number is a part only where it can be one")
  func parts() {
    #expect(DropName(FileName("x_1.csv")).part == 1)
    #expect(DropName(FileName("x_02.csv")).part == 1)
    #expect(DropName(FileName("2.csv")).part == 1)
    #expect(DropName(FileName("x_2.csv")).part == 2)
    #expect(DropName(FileName("x_2026.csv")).part == 1)
    #expect(DropName(FileName(bytes: [0xff, 0x5f, 0x32])).part == 2)
  }

  static let sample = """
    {"flowRunId":"c2f4a9d0-6b1e-4d27-8f35-91ab07de4455","scheduledTime":"2026-03-12T06:00:00Z","exportResults":[\
    {"sinkPath":"/drops/lapsed-vip","name":"sftp_x_20260312_060512.csv","size":734003200},\
    {"sinkPath":"/drops/lapsed-vip","name":"sftp_x_20260312_060512_2.csv","size":102400511}]}
    """

  @Test("A manifest tells its run and the files with their sizes")
  func manifest() throws {
    let manifest = try Manifest(Array(Self.sample.utf8))
    #expect(manifest.run == "c2f4a9d0-6b1e-4d27-8f35-91ab07de4455")
    #expect(manifest.scheduledAt == Timestamp(text: "2026-03-12T06:00:00Z"))
    #expect(manifest.files.map(\.size) == [734_003_200, 102_400_511])
    #expect(manifest.files.map { DropName($0.name).part } == [1, 2])
  }

  @Test(
    "A manifest is known by its name, whatever ids stand in it",
    arguments: [
      ("manifest-5b0c77e1-3f7a-4f0e-9a43-0d1b6a1f2c88-c2f4a9d0-6b1e-4d27-8f35-91ab07de4455.json", true),
      ("manifest-c2f4a9d0-6b1e-4d27-8f35-91ab07de4455.json", true), ("manifest.json", true),
      ("manifest_20260312T060000.json", true), ("Manifest-run7.JSON", true), ("manifest.run7.json", true),
      ("manifest-prod-7.csv", false), ("manifests.json", false), ("manifest", false), ("my-manifest.json", false),
      ("manifest.json.gz", false), ("manifestation-1.json", false),
    ])
  func manifestNames(name: String, isManifest: Bool) { #expect(Manifest.isName(FileName(name)) == isManifest) }

  @Test("A manifest that is cut, too large or names other folders is refused")
  func badManifests() {
    for count in 0..<Self.sample.utf8.count {
      #expect(throws: Manifest.Fault.unreadable) { try Manifest(Array(Self.sample.utf8.prefix(count))) }
    }
    #expect(throws: Manifest.Fault.tooLarge) { try Manifest(Array(repeating: 0x20, count: Manifest.maxBytes + 1)) }
    for name in ["../x", "", "..", "sftp_x_20260312_060512_2.csv"] {
      let text = Self.sample.replacing("sftp_x_20260312_060512.csv", with: name)
      #expect(throws: Manifest.Fault.badName) { try Manifest(Array(text.utf8)) }
    }
  }
}
