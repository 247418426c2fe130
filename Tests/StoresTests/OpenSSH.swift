import Config
import Core
import Files
import Foundation
import Store
import Stores
import SystemPackage
import Testing

/// The OpenSSH servers that `scripts/test-servers` started, as its environment tells.
struct OpenSSH: Sendable {
  let port, rsaPort: UInt16
  let user, passphrase, pin: String
  /// Keys and lists of hosts.
  let folder: FilePath
  /// On a disk of 2 MiB; nil where there is none, which takes root.
  let small: FilePath?

  /// Nil where the caller must leave: told to skip, or already failed.
  static func required(_ test: String = #function) -> OpenSSH? {
    let environment = ProcessInfo.processInfo.environment
    func value(_ name: String) -> String { environment["NAVETTE_TEST_SFTP_\(name)"] ?? "" }
    guard let port = UInt16(value("PORT")), let rsaPort = UInt16(value("RSA_PORT")) else {
      if environment["NAVETTE_TEST_SKIP_SERVERS"] == "1" {
        print("skipped, NAVETTE_TEST_SKIP_SERVERS=1: \(test)")
      } else {
        Issue.record("no SFTP server: use scripts/test-servers run swift test, or set NAVETTE_TEST_SKIP_SERVERS=1")
      }
      return nil
    }
    return OpenSSH(
      port: port, rsaPort: rsaPort, user: value("USER"), passphrase: value("PASSPHRASE"), pin: value("PIN"),
      folder: FilePath(value("DIR")), small: value("SMALL").isEmpty ? nil : FilePath(value("SMALL")))
  }

  /// The text of a private key, without the newline at its end, as a credential is read.
  func key(_ name: String, passphrase: String? = nil) throws -> SFTPSettings.Access {
    let text = String(decoding: try LinuxFiles().contents(of: folder.appending(name), limit: 1 << 16), as: UTF8.self)
    return .privateKey(Secret(String(text.dropLast())), passphrase: passphrase.map { Secret($0) })
  }

  func store(
    stall: Duration = .seconds(20), connect: Duration = .seconds(10),
    _ change: (inout SFTPSettings) throws -> Void = { _ in }
  ) throws -> any RemoteStore {
    var settings = SFTPSettings(
      user: user, host: "127.0.0.1", port: port, folder: folder.appending("objects"), access: try key("user"),
      hostKey: .pinned(pin))
    try change(&settings)
    var store = StoreSettings(name: try #require(StoreName("partner")), target: .sftp(settings))
    store.stallTimeout = stall
    store.connectTimeout = connect
    return try makeStore(store, files: LinuxFiles(), agent: "navette/test", clock: wallClock)
  }

  func log() throws -> String {
    String(decoding: try LinuxFiles().contents(of: folder.appending("host.log"), limit: 64 << 20), as: UTF8.self)
  }
}
