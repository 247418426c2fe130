import Core

/// Sizes, times and the like from their text. Nil for anything else, and for what does not fit.
public enum Quantities {
  static func size(_ text: String) -> UInt64? {
    let units: [String: UInt64] = [
      "": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
      "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
    ]
    guard let (count, unit) = split(text), let factor = units[unit] else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow || bytes > UInt64(Int64.max) ? nil : bytes
  }

  /// At most `Limits.longestKeep`.
  static func duration(_ text: String) -> Duration? {
    let units: [String: UInt64] = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
    guard let (count, unit) = split(text), let factor = units[unit] else { return nil }
    let (milliseconds, overflow) = count.multipliedReportingOverflow(by: factor)
    guard !overflow, milliseconds <= Limits.longestKeep.milliseconds else { return nil }
    return .milliseconds(Int64(milliseconds))
  }

  /// ASCII digits only, an optional minus, no plus.
  static func integer(_ text: String) -> Int? {
    let digits = text.utf8.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int(text)
  }

  /// `0660`, `660` or `0o660`: permission bits only.
  static func mode(_ text: String) -> UInt32? {
    let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
    guard (3...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...55).contains($0) }),
      let mode = UInt32(digits, radix: 8), mode <= 0o777
    else { return nil }
    return mode
  }

  /// `06:00`
  static func timeOfDay(_ text: String) -> TimeOfDay? {
    let utf8 = Array(text.utf8)
    guard utf8.count == 5, utf8[2] == UInt8(ascii: ":"), let hour = integer(String(text.prefix(2))),
      let minute = integer(String(text.suffix(2)))
    else { return nil }
    return TimeOfDay(hour: hour, minute: minute)
  }

  /// `50%`
  static func percent(_ text: String) -> Int? {
    guard text.hasSuffix("%"), let value = integer(String(text.dropLast())), (1...1_000).contains(value) else {
      return nil
    }
    return value
  }

  /// `1%`, `0.25%`, up to 100%: in hundredths of a percent, and at least one of them.
  static func share(_ text: String) -> Int? {
    guard text.hasSuffix("%") else { return nil }
    let parts = text.dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, whole.utf8.count <= 3, let percent = integer(String(whole)), percent >= 0 else {
      return nil
    }
    var hundredths = 0
    if parts.count == 2 {
      guard (1...2).contains(parts[1].utf8.count), let digits = integer(String(parts[1])), digits >= 0 else {
        return nil
      }
      hundredths = parts[1].utf8.count == 1 ? digits * 10 : digits
    }
    let share = percent * 100 + hundredths
    return (1...10_000).contains(share) ? share : nil
  }

  /// `30s`, the largest unit that is exact.
  public static func text(_ duration: Duration) -> String {
    let ms = duration.milliseconds
    let units: [(String, Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    guard ms != 0, let (unit, size) = units.first(where: { ms.isMultiple(of: $0.1) }) else { return "0s" }
    return "\(ms / size)\(unit)"
  }

  /// `256MiB`, the largest binary unit that is exact.
  static func text(bytes: UInt64) -> String {
    let units: [(String, UInt64)] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    guard bytes != 0, let (unit, size) = units.first(where: { bytes.isMultiple(of: $0.1) }) else { return "\(bytes)" }
    return "\(bytes / size)\(unit)"
  }

  private static func split(_ text: String) -> (UInt64, String)? {
    let digits = text.utf8.prefix { (48...57).contains($0) }
    guard let head = String(digits), let count = UInt64(head) else { return nil }
    return (count, String(text.dropFirst(head.count)))
  }
}
