import Core

/// A column of times, out of a zone into UTC.
struct TimeColumn {
  struct Fault: Error { let code: Reason.Code }

  let cell: Int
  private let rule: TimeRule
  private let zone: ClockZone
  /// What was found for the last minute: rows are in order, mostly.
  private var last: (minute: Timestamp.Fields, occurrence: ClockZone.Occurrence)?

  init(_ rule: TimeRule, _ cell: Int, _ zone: ClockZone) { (self.rule, self.cell, self.zone) = (rule, cell, zone) }

  mutating func instant(of row: borrowing RowValues) -> Result<Timestamp, Fault> {
    guard let reading = rule.pattern.read(row[cell]) else { return .failure(Fault(code: .badTime)) }
    let rest = Duration.nanoseconds(reading.nanoseconds)
    if let offset = reading.offset { return .success(Timestamp(reading.fields) + .seconds(-offset) + rest) }
    var minute = reading.fields
    minute.second = 0
    let seconds = Duration.seconds(reading.fields.second) + rest
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

  private mutating func occurrence(of minute: Timestamp.Fields) -> ClockZone.Occurrence {
    if let last, last.minute == minute { return last.occurrence }
    let found = zone.occurrence(of: minute)
    last = (minute, found)
    return found
  }

  /// `2026-03-12T06:00:00Z`, or with three decimals.
  func text(of time: Timestamp) -> [UInt8] { Array(time.iso(milliseconds: rule.decimals > 0).utf8) }
}
