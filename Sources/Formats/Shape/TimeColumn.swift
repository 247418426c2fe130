import Core

/// A column of times, out of a zone into UTC.
struct TimeColumn {
  struct Fault: Error { let code: Reason.Code }

  let cell: Int
  private let rule: TimeRule
  private let zone: ClockZone
  /// Times around the last one that clocks show once: mostly all of a log.
  private var steady: ClockZone.Steady?
  /// What was found for the last minute near a change of the clocks: rows are in order, mostly.
  private var last: (minute: Timestamp.Fields, occurrence: ClockZone.Occurrence)?

  init(_ rule: TimeRule, _ cell: Int, _ zone: ClockZone) { (self.rule, self.cell, self.zone) = (rule, cell, zone) }

  mutating func instant(of text: UnsafeBufferPointer<UInt8>) -> Result<Timestamp, Fault> {
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

  private mutating func occurrence(of minute: Timestamp.Fields) -> ClockZone.Occurrence {
    if let last, last.minute == minute { return last.occurrence }
    let found = zone.occurrence(of: minute)
    last = (minute, found)
    return found
  }

  /// `2026-03-12T06:00:00Z`, or with three decimals.
  func write(_ time: Timestamp, into text: inout [UInt8]) {
    text.removeAll(keepingCapacity: true)
    let fields = time.fields
    func add(_ value: Int, _ digits: Int, _ mark: UInt8) {
      var scale = digits == 4 ? 1_000 : digits == 3 ? 100 : 10
      while scale > 0 {
        text.append(UInt8(ascii: "0") + UInt8(value / scale % 10))
        scale /= 10
      }
      text.append(mark)
    }
    add(fields.year, 4, UInt8(ascii: "-"))
    add(fields.month, 2, UInt8(ascii: "-"))
    add(fields.day, 2, UInt8(ascii: "T"))
    add(fields.hour, 2, UInt8(ascii: ":"))
    add(fields.minute, 2, UInt8(ascii: ":"))
    guard rule.decimals > 0 else { return add(fields.second, 2, UInt8(ascii: "Z")) }
    add(fields.second, 2, UInt8(ascii: "."))
    // Of times before 1970 too.
    let rest = Int((time.nanoseconds % 1_000_000_000 + 1_000_000_000) % 1_000_000_000 / 1_000_000)
    add(rest, 3, UInt8(ascii: "Z"))
  }
}
