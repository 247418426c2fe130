import Core
import SystemPackage

/// What the shipped unit's sandbox must open for a configuration, as a drop-in for `systemctl edit navette`.
///
/// The unit sees the file system read-only but for its own folders, an empty `/home` and a `/tmp` of its own. A folder that is not
/// there when the service starts is left out (`-`), so that `navette check` can say so better than systemd would.
public struct DropIn: Hashable, Sendable, CustomStringConvertible {
  private let writable: [FilePath]
  private let boundWritable: [FilePath]
  private let boundReadable: [FilePath]

  /// Nil where the unit needs nothing.
  public init?(_ settings: Settings) {
    var write: Set<FilePath> = []
    var read: Set<FilePath> = []
    for folder in Folder.all(of: settings) where folder.role != .log { write.insert(folder.path) }
    for stream in settings.streams {
      for log in stream.logs {
        let folder = FilePath(log).removingLastComponent()
        if Self.writes(stream) { write.insert(folder) } else { read.insert(folder) }
      }
    }
    if let textfile = settings.metrics.textfile { write.insert(textfile.removingLastComponent()) }
    if case .unix(let path)? = settings.metrics.listen { write.insert(path.removingLastComponent()) }
    for store in settings.stores {
      switch store.target {
      case .folder: break
      case .s3(let s3): if let file = s3.caFile { read.insert(file) }
      case .azure(let azure): if let file = azure.caFile { read.insert(file) }
      case .sftp(let sftp): if case .knownHosts(let file) = sftp.hostKey { read.insert(file) }
      }
    }
    let outer = Self.outermost(write.filter { path in !Self.own.contains { path.starts(with: $0) } })
    writable = outer.filter { !Self.isHidden($0) }
    boundWritable = outer.filter(Self.isHidden)
    boundReadable = Self.outermost(
      read.filter { path in Self.isHidden(path) && !outer.contains { path.starts(with: $0) } })
    if writable.isEmpty, boundWritable.isEmpty, boundReadable.isEmpty { return nil }
  }

  public var description: String {
    var lines = ["[Service]"]
    let bound = boundWritable + boundReadable
    if bound.contains(where: { path in Self.homes.contains { path.starts(with: $0) } }) {
      lines.append("ProtectHome=tmpfs")
    }
    lines += writable.map { "ReadWritePaths=\(Self.quoted($0))" }
    lines += boundWritable.map { "BindPaths=\(Self.quoted($0))" }
    lines += boundReadable.map { "BindReadOnlyPaths=\(Self.quoted($0))" }
    return lines.joined(separator: "\n")
  }

  /// The unit's own: `StateDirectory=` and `RuntimeDirectory=`.
  private static let own: [FilePath] = ["/var/lib/navette", "/run/navette"]
  /// What `ProtectHome=` covers, and `PrivateTmp=` (systemd.exec(5)).
  private static let homes: [FilePath] = ["/home", "/root", "/run/user"]
  private static let hidden: [FilePath] = homes + ["/tmp", "/var/tmp"]

  private static func isHidden(_ path: FilePath) -> Bool { hidden.contains { path.starts(with: $0) } }

  private static func writes(_ stream: StreamSettings) -> Bool {
    switch stream.rotation {
    case .rename, .copytruncate: true
    case .closed: stream.takesClosedAway
    case .follow: false
    }
  }

  private static func outermost(_ paths: Set<FilePath>) -> [FilePath] {
    paths.filter { path in !paths.contains { $0 != path && path.starts(with: $0) } }.sorted { $0.string < $1.string }
  }

  /// As systemd reads it: a blank ends a path, a percent sign begins a specifier, a colon a bind's target.
  private static func quoted(_ path: FilePath) -> String {
    let text = path.string.replacing("\\", with: "\\\\").replacing("%", with: "%%").replacing(":", with: "\\:")
    return text.contains(where: \.isWhitespace) ? "\"-\(text)\"" : "-\(text)"
  }
}
