/// A moment of the wall clock, UTC, in nanoseconds since 1970. Days have 86,400 seconds, as in POSIX. It ends in 2262, and began in 1677:
/// what lies beyond is the first or the last moment, and no sum or difference leaves that range.
public struct Timestamp: Hashable, Comparable, Sendable {
  public let nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  public init(seconds: Int64) { self.nanoseconds = seconds *| 1_000_000_000 }

  public var seconds: Int64 { nanoseconds.flooredQuotient(1_000_000_000) }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Timestamp, d: Duration) -> Timestamp { .init(nanoseconds: a.nanoseconds +| d.nanoseconds) }
  public static func - (a: Timestamp, d: Duration) -> Timestamp { .init(nanoseconds: a.nanoseconds -| d.nanoseconds) }
  public static func - (a: Timestamp, b: Timestamp) -> Duration { .nanoseconds(a.nanoseconds -| b.nanoseconds) }

  /// The calendar fields in UTC.
  public var fields: Fields {
    let day = seconds.flooredQuotient(86_400)
    let rest = Int(seconds - day * 86_400)
    // Howard Hinnant's civil-from-days, a published algorithm: eras of 400 years that begin on 1 March.
    let shifted = day + 719_468
    let era = shifted.flooredQuotient(146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return Fields(
      year: Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0)), month: Int(month),
      day: Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1),
      hour: rest / 3_600, minute: rest % 3_600 / 60, second: rest % 60)
  }

  public init(_ fields: Fields) {
    // Far beyond what is held, and far below what overflows.
    let named = min(max(fields.year, -9_999), 99_999)
    let year = Int64(fields.month <= 2 ? named - 1 : named)
    let era = year.flooredQuotient(400)
    let yearOfEra = year - era * 400
    let shiftedMonth = Int64(fields.month > 2 ? fields.month - 3 : fields.month + 9)
    let dayOfYear = (153 * shiftedMonth + 2) / 5 + Int64(fields.day) - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    self.init(seconds: days * 86_400 + Int64(fields.hour * 3_600 + fields.minute * 60 + fields.second))
  }

  public struct Fields: Hashable, Sendable {
    public var year, month, day, hour, minute, second: Int
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
      (self.year, self.month, self.day) = (year, month, day)
      (self.hour, self.minute, self.second) = (hour, minute, second)
    }
  }

  /// `20260312T060000Z`: for names, where a colon is not allowed.
  public var compact: String {
    let f = fields
    return
      "\(padded(f.year, 4))\(padded(f.month))\(padded(f.day))T\(padded(f.hour))\(padded(f.minute))\(padded(f.second))Z"
  }

  /// `2026-03-12`
  public var date: String {
    let f = fields
    return "\(padded(f.year, 4))-\(padded(f.month))-\(padded(f.day))"
  }

  /// `2026-03-12T06:00:00Z`; with milliseconds, `2026-03-12T06:00:00.123Z`.
  public func iso(milliseconds: Bool = false) -> String {
    let f = fields
    let fraction =
      milliseconds
      ? "." + padded(Int((nanoseconds % 1_000_000_000 + 1_000_000_000) % 1_000_000_000 / 1_000_000), 3) : ""
    return "\(date)T\(padded(f.hour)):\(padded(f.minute)):\(padded(f.second))\(fraction)Z"
  }

  /// Years that 64 bits of nanoseconds hold in full.
  public static let years = 1678...2261
  public static let first = Timestamp(Fields(year: 1678, month: 1, day: 1))
  public static let last = Timestamp(Fields(year: 2261, month: 12, day: 31, hour: 23, minute: 59, second: 59))

  /// Reads `20260312T060000Z`, `2026-03-12T06:00:00[.fraction](Z|±hh:mm)` and `2026-03-12` (its midnight), within `years`.
  /// - Parameter clamping: years from 1 to 9999 are read, too: what ends in 9999 ends at the last moment that there is.
  public init?(text: some StringProtocol, clamping: Bool = false) {
    var digits: [Int] = []
    var rest = Substring(text)
    func take(_ count: Int) -> Int? {
      let head = rest.prefix(count)
      guard head.count == count, head.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(head) else {
        return nil
      }
      rest = rest.dropFirst(count)
      return value
    }
    func skip(_ mark: Character) -> Bool {
      guard rest.first == mark else { return false }
      rest = rest.dropFirst()
      return true
    }
    guard let year = take(4) else { return nil }
    digits.append(year)
    let dashed = skip("-")
    guard let month = take(2), !dashed || skip("-"), let day = take(2) else { return nil }
    guard clamping ? year > 0 : Self.years.contains(year), (1...12).contains(month), (1...31).contains(day) else {
      return nil
    }
    // The 31st of a month of 30 days is the next month's first. Calendars repeat after 400 years.
    let alike = year % 400 < 200 ? 2_000 + year % 400 : 1_600 + year % 400
    guard Timestamp(Fields(year: alike, month: month, day: day)).fields.day == day else { return nil }
    if rest.isEmpty, dashed {
      self.init(Fields(year: year, month: month, day: day))
      return
    }
    guard skip("T") || skip(" ") else { return nil }
    guard let hour = take(2) else { return nil }
    let colons = skip(":")
    guard let minute = take(2), !colons || skip(":"), let second = take(2) else { return nil }
    guard hour < 24, minute < 60, second < 61 else { return nil }
    var fraction: Int64 = 0
    if skip(".") {
      var scale: Int64 = 100_000_000
      while let digit = take(1) {
        fraction += Int64(digit) * scale
        scale /= 10
      }
    }
    var offset = 0
    if !skip("Z"), !rest.isEmpty {
      let sign = skip("+") ? 1 : skip("-") ? -1 : 0
      guard sign != 0, let hours = take(2) else { return nil }
      _ = skip(":")
      guard let minutes = take(2) else { return nil }
      offset = sign * (hours * 3_600 + minutes * 60)
    }
    guard rest.isEmpty else { return nil }
    guard Self.years.contains(year) else {
      self.init(nanoseconds: year < Self.years.lowerBound ? .min : .max)
      return
    }
    let whole = Timestamp(Fields(year: year, month: month, day: day, hour: hour, minute: minute, second: second))
    self.init(nanoseconds: (whole.seconds -| Int64(offset)) *| 1_000_000_000 +| fraction)
  }
}

extension Timestamp: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Timestamp(text: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UTC time")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(iso(milliseconds: true))
  }
}

/// Both clocks at one instant: `wall` for names and records, `uptime` (monotonic) for waiting. A wall clock that jumps must
/// never make a file look settled.
public struct Moment: Hashable, Sendable {
  public let wall: Timestamp
  public let uptime: Duration
  public init(wall: Timestamp, uptime: Duration) {
    self.wall = wall
    self.uptime = uptime
  }
}

extension Duration {
  /// Whole nanoseconds; exact for 292 years, and no more than that.
  public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds *| 1_000_000_000 +| attoseconds / 1_000_000_000
  }
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

extension Int64 {
  func flooredQuotient(_ divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}

func padded(_ value: Int, _ width: Int = 2) -> String {
  let text = String(value)
  return String(repeating: "0", count: max(0, width - text.count)) + text
}
