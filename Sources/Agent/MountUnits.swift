public import Config
import Core
import Files
import SystemPackage

/// What a service needs that works on file systems of their own, as a drop-in: it starts when they are mounted, and stops when one of them
/// goes, before uploads go into the folder below.
public struct MountUnits: Hashable, Sendable, CustomStringConvertible {
  private let points: [FilePath]

  /// Nil where all folders lie on the root's file system. Within the service's sandbox the folders that it opens look like mounts.
  public init?(_ settings: Settings) {
    self.init(settings) { Mounts.point(of: $0) }
  }

  /// - Parameter point: where the file system is mounted that holds the folder; nil: it is the root's.
  init?(_ settings: Settings, point: (FilePath) -> FilePath?) {
    let logs = settings.streams.flatMap { $0.logs.map { FilePath($0).removingLastComponent() } }
    let folders = settings.feeds.flatMap { [$0.landing, $0.handover] } + logs + [settings.state]
    let own = Set(folders.compactMap(point)).filter { point in !Self.always.contains { point.starts(with: $0) } }
    points = own.sorted { $0.string < $1.string }
    if points.isEmpty { return nil }
  }

  /// Mounted by systemd itself, before any service and to the end.
  private static let always: [FilePath] = ["/tmp", "/run", "/dev"]

  public var description: String {
    (["[Unit]"] + points.map { "RequiresMountsFor=\(Self.quoted($0))" } + points.map { "BindsTo=\(Self.unit($0))" })
      .joined(separator: "\n")
  }

  /// As `systemd-escape --path --suffix=mount` writes it.
  static func unit(_ point: FilePath) -> String {
    let names = point.string.split(separator: "/").joined(separator: "/")
    var text = ""
    for (index, byte) in names.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "/"): text += "-"
      case UInt8(ascii: ".") where index == 0: text += "\\x2e"
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "."):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "\\x" + Hex.encode([byte])
      }
    }
    return text + ".mount"
  }

  /// As systemd reads it: a blank ends a path, a percent sign begins a specifier.
  private static func quoted(_ path: FilePath) -> String {
    let text = path.string.replacing("\\", with: "\\\\").replacing("%", with: "%%")
    return text.contains(where: \.isWhitespace) ? "\"\(text)\"" : text
  }
}
