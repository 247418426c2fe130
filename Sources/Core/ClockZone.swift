/// A time zone as the zone database has it: what the clocks on the wall show at an instant, summer time included.
///
/// Reads TZif of any version (RFC 9636), with the rule at its end for the years behind its table.
public struct ClockZone: Hashable, Sendable {
  /// Where the database lies on Linux.
  public static let database = "/usr/share/zoneinfo"
  public static let utc = ClockZone(changes: [], first: 0, rule: nil)

  struct Change: Hashable, Sendable {
    /// Seconds since 1970.
    let at: Int64
    /// From then on, seconds east of Greenwich.
    let offset: Int
  }

  private let changes: [Change]
  /// Before the first change.
  private let first: Int
  /// Behind the last change.
  private let rule: ZoneRule?

  init(changes: [Change], first: Int, rule: ZoneRule?) {
    (self.changes, self.first, self.rule) = (changes, first, rule)
  }

  /// Seconds east of Greenwich.
  public func offset(at time: Timestamp) -> Int {
    let seconds = time.seconds
    guard let last = changes.last else { return rule?.offset(at: seconds) ?? first }
    if seconds >= last.at, let rule { return rule.offset(at: seconds) }
    let passed = changes(upTo: seconds)
    return passed == 0 ? first : changes[passed - 1].offset
  }

  /// How many changes of the table have come by then.
  private func changes(upTo seconds: Int64) -> Int {
    var low = 0
    var high = changes.count
    while low < high {
      let middle = (low + high) / 2
      if changes[middle].at <= seconds { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// What clocks and calendars show.
  public func local(_ time: Timestamp) -> Timestamp.Fields { (time + .seconds(offset(at: time))).fields }

  /// When clocks show this. A time that is skipped in spring comes as much later as clocks are put forward; of one that comes twice
  /// in autumn, the first.
  public func instant(_ local: Timestamp.Fields) -> Timestamp {
    let naive = Timestamp(local)
    let before = offset(at: naive + .seconds(-86_400))
    let after = offset(at: naive + .seconds(86_400))
    for candidate in [before, after] {
      let time = naive + .seconds(-candidate)
      if offset(at: time) == candidate { return time }
    }
    return naive + .seconds(-before)
  }

  /// How often clocks show a time.
  public enum Occurrence: Hashable, Sendable {
    /// Skipped, when they are put forward.
    case never
    case once(Timestamp)
    /// When they are put back.
    case twice(Timestamp, Timestamp)
  }

  public func occurrence(of local: Timestamp.Fields) -> Occurrence {
    let naive = Timestamp(local)
    var found: [Timestamp] = []
    // Any offset that was in force nearby may be the one.
    for hours in stride(from: -26, through: 26, by: 4) {
      let candidate = offset(at: naive + .seconds(hours * 3_600))
      let time = naive + .seconds(-candidate)
      if offset(at: time) == candidate, !found.contains(time) { found.append(time) }
    }
    found.sort()
    guard let first = found.first, let last = found.last else { return .never }
    return first == last ? .once(first) : .twice(first, last)
  }

  /// Times that clocks show once, all by one offset: no change of the clocks is near.
  public struct Steady: Hashable, Sendable {
    /// What clocks show, in seconds since 1970 as if it were UTC.
    public let local: Range<Int64>
    /// Seconds east of Greenwich.
    public let offset: Int
  }

  /// Such times around one of them; nil where a change of the clocks is near, and `occurrence` has to look.
  /// - Parameter local: seconds since 1970, as if it were UTC.
  public func steady(around local: Int64) -> Steady? {
    let period = period(at: local)
    // All that `occurrence` looks at lies in this period, and so does the instant.
    let (nearby, offset) = (Int64(26 * 3_600), Int64(period.offset))
    let from = max(period.from +| nearby, period.from +| offset)
    let to = min(period.to -| nearby, period.to +| offset)
    guard from <= local, local < to else { return nil }
    return Steady(local: from..<to, offset: period.offset)
  }

  /// A stretch of instants over which clocks are not changed; there may be more of it on either side.
  struct Period: Hashable {
    var from = Int64.min
    var to = Int64.max
    var offset: Int
  }

  func period(at seconds: Int64) -> Period {
    guard let last = changes.last else { return rule?.period(at: seconds) ?? Period(offset: first) }
    if seconds >= last.at, let rule {
      var found = rule.period(at: seconds)
      found.from = max(found.from, last.at)
      return found
    }
    let passed = changes(upTo: seconds)
    var found = Period(offset: passed == 0 ? first : changes[passed - 1].offset)
    if passed > 0 { found.from = changes[passed - 1].at }
    if passed < changes.count { found.to = changes[passed].at }
    return found
  }

  /// The first instant behind `time` at which clocks show one of these times of day; nil where there are none.
  public func next(_ times: [(hour: Int, minute: Int)], after time: Timestamp) -> Timestamp? {
    var best: Timestamp?
    // A zone may skip a whole day.
    for day in -1...3 {
      let date = local(time + .seconds(day * 86_400))
      for (hour, minute) in times {
        let found = instant(
          .init(year: date.year, month: date.month, day: date.day, hour: hour, minute: minute))
        if found > time { best = best.map { min($0, found) } ?? found }
      }
    }
    return best
  }
}

// MARK: - TZif

extension ClockZone {
  /// Nil where the bytes are no TZif.
  public init?(tzif bytes: [UInt8]) {
    guard let old = Block(bytes, from: 0, wide: false) else { return nil }
    guard bytes[4] >= UInt8(ascii: "2") else {
      self.init(changes: old.changes, first: old.first, rule: nil)
      return
    }
    guard let new = Block(bytes, from: old.end, wide: true) else { return nil }
    let footer = bytes[new.end...].drop { $0 == 10 }.prefix { $0 != 10 }
    let rule = ZoneRule(String(decoding: footer, as: UTF8.self))
    if !footer.isEmpty, rule == nil { return nil }
    self.init(changes: new.changes, first: new.first, rule: rule)
  }

  private struct Block {
    var changes: [Change] = []
    var first = 0
    let end: Int

    init?(_ bytes: [UInt8], from start: Int, wide: Bool) {
      guard bytes.count >= start + 44, bytes[start..<(start + 4)].elementsEqual("TZif".utf8) else { return nil }
      func number(_ at: Int, _ width: Int) -> Int64 {
        var value: Int64 = bytes[at] >= 128 ? -1 : 0
        for byte in bytes[at..<(at + width)] { value = value << 8 | Int64(byte) }
        return value
      }
      // Counts of UT marks, standard marks, leap seconds, changes, types and letters.
      let counts = (0..<6).map { Int(number(start + 20 + 4 * $0, 4)) }
      guard counts.allSatisfy({ $0 >= 0 && $0 <= bytes.count }), counts[4] > 0 else { return nil }
      let width = wide ? 8 : 4
      let times = start + 44
      let kinds = times + counts[3] * width
      let types = kinds + counts[3]
      end = types + counts[4] * 6 + counts[5] + counts[2] * (width + 4) + counts[1] + counts[0]
      guard end <= bytes.count else { return nil }
      func offset(_ type: Int) -> Int { Int(number(types + type * 6, 4)) }
      first = offset(0)
      for index in 0..<counts[3] {
        let type = Int(bytes[kinds + index])
        guard type < counts[4] else { return nil }
        changes.append(Change(at: number(times + index * width, width), offset: offset(type)))
      }
    }
  }
}
