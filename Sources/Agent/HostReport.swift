public import Config
import Files
import Glibc
import Ledger
import Store
import Stores
import SystemPackage

/// What the program runs on, and what that lacks for a configuration: for `check` and the event of a start, so that a question about one
/// host need not begin with "which version do you have?".
public enum HostReport {
  /// `Linux 6.1.0-25-amd64, systemd 252, libcurl 7.88.1 (OpenSSL/3.0.17, libssh2/1.10.0), SQLite 3.40.1`
  public static var line: String {
    let library = TransferLibrary.current
    let below = [library.tls, library.ssh].compactMap { $0 }.joined(separator: ", ")
    return [
      kernel, systemd.map { "systemd \($0)" } ?? "no systemd",
      "libcurl \(library.version)" + (below.isEmpty ? "" : " (\(below))"), "SQLite \(Ledger.libraryVersion)",
    ].joined(separator: ", ")
  }

  /// Whole sentences, most important first.
  public static func lacks(_ settings: Settings) -> [String] {
    let ofStores = settings.stores.flatMap { store in
      TransferLibrary.current.lacks(store).map { "store \(store.name): \($0)" }
    }
    return ofStores + (systemd.map { lacks(ofSystemd: $0) } ?? [])
  }

  /// Of the lines in navette.service, with the versions of systemd that they came with (systemd.exec(5)). RestrictSUIDSGID= came with 242,
  /// and Red Hat has put it into its 239.
  static func lacks(ofSystemd version: Int) -> [String] {
    var lacks: [String] = []
    if version < 247 {
      lacks.append(
        "systemd \(version) gives a service no credentials (247): write ${file:/path} for ${credential:NAME}")
    } else if version < 250 {
      lacks.append("systemd \(version) gives a service no encrypted credentials (250): LoadCredential= alone")
    }
    let lines = [
      ("ProtectHostname=", 242), ("ProtectKernelLogs=", 244), ("ProtectClock=", 245),
      ("ProtectProc=", 247), ("ProcSubset=", 247),
    ].filter { version < $0.1 }.map(\.0)
    if !lines.isEmpty {
      lacks.append(
        "systemd \(version) passes over these lines of the service's sandbox: \(lines.joined(separator: " "))")
    }
    return lacks
  }

  private static var kernel: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "Linux" }
    return withUnsafeBytes(of: name.release) { "Linux " + String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// systemd's version, where it runs this host: in the name of the library that all of its programs share, as
  /// `libsystemd-shared-252.so`. No program is asked: a sandbox may let none run.
  static let systemd: Int? = {
    let files = LinuxFiles()
    guard (try? files.info("/run/systemd/system")) != nil else { return nil }
    return libraryFolders.compactMap { try? files.list($0) }.flatMap { $0 }.compactMap {
      version(inName: $0.description)
    }.max()
  }()

  private static let libraryFolders: [FilePath] = [
    "/usr/lib/systemd", "/usr/lib/x86_64-linux-gnu/systemd", "/usr/lib/aarch64-linux-gnu/systemd", "/lib/systemd",
  ]

  /// On RHEL the package's release follows: `libsystemd-shared-252-46.el9_5.so`.
  static func version(inName name: String) -> Int? {
    let prefix = "libsystemd-shared-"
    guard name.hasPrefix(prefix), name.hasSuffix(".so") else { return nil }
    return Int(name.dropFirst(prefix.count).prefix { $0.isNumber })
  }
}
