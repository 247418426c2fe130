private import Glibc

/// The time zones that this machine knows.
public enum SystemZone {
  /// Nil where it does not know one of this name. UTC is always known.
  public static func named(_ name: String) -> ClockZone? {
    if name == "UTC" { return .utc }
    return contents(of: "\(ClockZone.database)/\(name)").flatMap { ClockZone(tzif: $0) }
  }

  /// The machine's own, as `TZ` or `/etc/localtime` says; UTC where neither does.
  public static func local() -> ClockZone {
    if let name = getenv("TZ").map({ String(cString: $0) }), !name.isEmpty, !name.hasPrefix(":"), let zone = named(name)
    {
      return zone
    }
    return contents(of: "/etc/localtime").flatMap { ClockZone(tzif: $0) } ?? .utc
  }

  /// Links are followed: the database is full of them. A zone has a few thousand bytes.
  private static func contents(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: Limits.zoneBytes)
    let count = read(file, &bytes, bytes.count)
    return count > 0 ? Array(bytes.prefix(count)) : nil
  }
}
