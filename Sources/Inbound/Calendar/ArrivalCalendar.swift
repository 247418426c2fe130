import Config
import Core

/// When a feed's drops are due: at each time of each day that `expect` names, by the clocks of its zone. Where clocks skip that time in
/// spring, it is as much later; where they show it twice in autumn, it is the first of the two. Two that come to the same are one.
///
/// Pure: the same times give the same answers.
struct ArrivalCalendar: Hashable, Sendable {
  let by: [TimeOfDay]
  let zone: ClockZone
  let zoneName: String
  let grace: Duration
  /// From Sunday.
  private let weekdays: [Bool]

  /// Nil where this machine does not know the zone.
  init?(_ expect: FeedSettings.Expect, zone named: (String) -> ClockZone? = SystemZone.named) {
    guard let zone = named(expect.timezone) else { return nil }
    self.init(expect, in: zone)
  }

  init(_ expect: FeedSettings.Expect, in zone: ClockZone) {
    self.zone = zone
    (by, grace, zoneName) = (expect.by, expect.grace, expect.timezone)
    let days: [FeedSettings.Expect.Day] = [.sun, .mon, .tue, .wed, .thu, .fri, .sat]
    precondition(!expect.days.isEmpty && !expect.by.isEmpty, "the configuration asks for one day and time at least")
    weekdays = days.map(expect.days.contains)
  }

  // MARK: Due times

  func due(after time: Timestamp) -> Timestamp {
    // At least one in each week; and a zone may skip a whole day.
    let after: (Timestamp) -> Bool = { $0 > time }
    return dues(around: time, days: -1...2).first(where: after) ?? dues(around: time, days: -1...9).first(where: after)
      ?? time + .seconds(7 * 86_400)
  }

  func due(before time: Timestamp) -> Timestamp {
    let before: (Timestamp) -> Bool = { $0 < time }
    return dues(around: time, days: -2...1).last(where: before) ?? dues(around: time, days: -9...1).last(where: before)
      ?? time - .seconds(7 * 86_400)
  }

  private func dues(around time: Timestamp, days: ClosedRange<Int>) -> [Timestamp] {
    let today = zone.local(time)
    let midnight = Timestamp(.init(year: today.year, month: today.month, day: today.day))
    var dues: [Timestamp] = []
    for day in days {
      let date = midnight + .seconds(day * 86_400)
      // The first of January 1970 was a Thursday.
      let weekday = Int(((date.seconds / 86_400 + 4) % 7 + 7) % 7)
      guard weekdays[weekday] else { continue }
      let fields = date.fields
      dues += by.map {
        zone.instant(.init(year: fields.year, month: fields.month, day: fields.day, hour: $0.hour, minute: $0.minute))
      }
    }
    // Where clocks skip an hour, one time can pass the next.
    return dues.sorted()
  }

  // MARK: Which drop counts for which

  /// Up to then, a drop is on time.
  func deadline(of due: Timestamp) -> Timestamp { due + grace }

  /// Where the due time before has had its drop: from then on, one counts for this due time. That is from the midnight before it, or
  /// from twelve hours before it where that is earlier; but not before the other's grace is over.
  func opening(of due: Timestamp) -> Timestamp {
    let date = zone.local(due)
    let midnight = zone.instant(.init(year: date.year, month: date.month, day: date.day))
    return max(min(due - Limits.dueLead, midnight), min(due, deadline(of: self.due(before: due))))
  }

  /// Where the due time before has not had its drop: up to then, what comes is that drop. Half-way between its deadline and this due
  /// time, or twelve hours before this one where that is later.
  func handOver(to due: Timestamp) -> Timestamp {
    let before = min(due, deadline(of: self.due(before: due)))
    return max(due - Limits.dueLead, before + (due - before) / 2)
  }

  // MARK: For people

  /// `2026-03-12 06:00 Europe/Paris`
  func shown(_ due: Timestamp) -> String {
    let local = zone.local(due)
    return "\(Timestamp(local).date) \(TimeOfDay(hour: local.hour, minute: local.minute) ?? by[0]) \(zoneName)"
  }
}
