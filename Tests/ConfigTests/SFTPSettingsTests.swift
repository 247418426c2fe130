import SystemPackage
import Testing

@testable import Config

@Suite("The settings of an SFTP store")
struct SFTPSettingsTests {
  private static let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"

  private func text(_ more: String, url: String = "sftp://u@h/folder") -> String {
    "stores:\n  a: { url: \"\(url)\", password: \"${KEY}\", \(more) }\n"
  }

  private func read(_ more: String, url: String = "sftp://u@h/folder") throws -> SFTPSettings? {
    let store = try Bench(text(more, url: url), environment: Lane.keys).read().stores.first
    guard case .sftp(let settings)? = store?.target else { return nil }
    return settings
  }

  @Test("a host key by its whole text, with its comment or without")
  func hostKey() throws {
    for line in [Self.line, "\(Self.line) root@partner"] {
      guard case .key(let key)? = try read("host_key: \"\(line)\"")?.hostKey else {
        Issue.record("no key: \(line)")
        continue
      }
      #expect(key == Self.line)
    }
  }

  @Test(
    "what is no host key is refused",
    arguments: [
      "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-dss AAAAB3NzaC1kc3MAAAA=", line.replacing("ssh-ed25519", with: "ssh-rsa"),
      String(line.dropLast()), line.replacing("AAAI", with: "AA!I"),
    ])
  func wrongHostKey(_ line: String) {
    let problems = Bench(text("host_key: \"\(line)\""), environment: Lane.keys).problems()
    #expect(
      problems.count == 1 && problems[0].contains("stores.a.host_key: expected a public key of the host"), "\(problems)"
    )
  }

  @Test("one way to know the server, and one alone")
  func oneWay() {
    let pin = "host_key_sha256: \"\(String(repeating: "A", count: 43))\""
    for (more, found) in [
      ("host_key: \"\(Self.line)\", \(pin)", "host_key_sha256 and host_key"), ("lifetime: 1d", "none"),
    ] {
      let problems = Bench(text(more), environment: Lane.keys).problems()
      #expect(problems.count == 1 && problems[0].hasSuffix("found \(found)"), "\(problems)")
    }
  }

  @Test("modes of files and folders; a user's own folder; the root; a SOCKS proxy; who vouches")
  func rest() throws {
    let key = "host_key: \"\(Self.line)\""
    let plain = try #require(try read(key))
    #expect(plain.fileMode == 0o640 && plain.folderMode == 0o750)
    let set = try #require(try read("\(key), file_mode: \"0664\", dir_mode: \"0775\""))
    #expect(set.fileMode == 0o664 && set.folderMode == 0o775)
    for wrong in [
      "file_mode: \"0066\"", "file_mode: \"4660\"", "dir_mode: \"2775\"", "dir_mode: \"0664\"", "dir_mode: \"0888\"",
    ] {
      #expect(Bench(text("\(key), \(wrong)"), environment: Lane.keys).problems().count == 1, "\(wrong)")
    }
    for (path, folder) in [("/", "/"), ("/~", "/~"), ("/~/in", "/~/in")] {
      #expect(try read(key, url: "sftp://u@h\(path)")?.folder == FilePath(folder))
    }
    let whole = try Bench(
      text("\(key), proxy: socks5h://127.0.0.1:1080, trust: single_writer"), environment: Lane.keys
    ).read().stores[0]
    #expect(whole.proxy?.reveal() == "socks5h://127.0.0.1:1080" && whole.trust == .singleWriter)
  }
}
