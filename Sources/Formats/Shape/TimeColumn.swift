import Core

/// A column of times, out of a zone into UTC.
final class TimeColumn {
  struct Fault: Error { let code: Reason.Code }

  let cell: Int
  private let rule: TimeRule
  private let zone: ClockZone
  /// Times around the last one that clocks show once: mostly all of a log.
  private var steady: ClockZone.Steady?
  /// What was found for the last minute near a change of the clocks: rows are in order, mostly.
  private var last: (minute: Timestamp.Fields, occurrence: ClockZone.Occurrence)?

  init(_ rule: TimeRule, _ cell: Int, _ zone: ClockZone) { (self.rule, self.cell, self.zone) = (rule, cell, zone) }

  func instant(of text: UnsafeBufferPointer<UInt8>) -> Result<Timestamp, Fault> {
    guard let reading = rule.pattern.read(text) else { return .failure(Fault(code: .badTime)) }
    if let offset = reading.offset { return .success(Self.instant(reading, east: offset)) }
    var minute = reading.fields
    minute.second = 0
    let local = Timestamp(minute).seconds
    if let steady, steady.local.contains(local) { return .success(Self.instant(reading, east: steady.offset)) }
    if let found = zone.steady(around: local) {
      steady = found
      return .success(Self.instant(reading, east: found.offset))
    }
    let seconds = Duration.seconds(reading.fields.second) + .nanoseconds(reading.nanoseconds)
    switch occurrence(of: minute) {
    case .once(let time): return .success(time + seconds)
    case .never: return .failure(Fault(code: .noSuchTime))
    case .twice(let earlier, let later):
      switch rule.ambiguous {
      case .earlier: return .success(earlier + seconds)
      case .later: return .success(later + seconds)
      case .aside: return .failure(Fault(code: .ambiguousTime))
      }
    }
  }

  @inline(__always)
  private static func instant(_ reading: TimePattern.Reading, east offset: Int) -> Timestamp {
    let seconds = Timestamp(reading.fields).seconds -| Int64(offset)
    return Timestamp(nanoseconds: seconds *| 1_000_000_000 +| reading.nanoseconds)
  }

  private func occurrence(of minute: Timestamp.Fields) -> ClockZone.Occurrence {
    if let last, last.minute == minute { return last.occurrence }
    let found = zone.occurrence(of: minute)
    last = (minute, found)
    return found
  }

  /// `2026-03-12T06:00:00Z`, or with three decimals.
  func write(_ time: Timestamp, into text: RowText) {
    let fields = time.fields
    let decimals = rule.decimals
    // Of times before 1970 too.
    let rest = Int((time.nanoseconds % 1_000_000_000 + 1_000_000_000) % 1_000_000_000 / 1_000_000)
    text.add(decimals > 0 ? 24 : 20) { at in
      func put(_ place: Int, _ value: Int, _ mark: UInt8) {
        at[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value / 10 % 10)
        at[place + 1] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value % 10)
        at[place + 2] = mark
      }
      put(0, fields.year / 100, 0)
      put(2, fields.year % 100, UInt8(ascii: "-"))
      put(5, fields.month, UInt8(ascii: "-"))
      put(8, fields.day, UInt8(ascii: "T"))
      put(11, fields.hour, UInt8(ascii: ":"))
      put(14, fields.minute, UInt8(ascii: ":"))
      put(17, fields.second, decimals > 0 ? UInt8(ascii: ".") : UInt8(ascii: "Z"))
      guard decimals > 0 else { return }
      at[20] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest / 100)
      put(21, rest % 100, UInt8(ascii: "Z"))
    }
  }
}
