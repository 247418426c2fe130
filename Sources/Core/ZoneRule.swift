/// The last line of a TZif file, as POSIX writes a zone: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct ZoneRule: Hashable, Sendable {
  /// Seconds east of Greenwich.
  private let standard: Int
  private var summer: Int?
  private var begins = Day.never
  private var ends = Day.never

  private enum Day: Hashable, Sendable {
    case never
    /// From 1, without the 29th of February; from 0, with it; month, week (5: the last) and weekday (0: Sunday).
    case julian(Int, seconds: Int)
    case count(Int, seconds: Int)
    case weekday(month: Int, week: Int, day: Int, seconds: Int)
  }

  /// Nil where the text is no such rule.
  init?(_ text: String) {
    var reader = Reader(rest: Substring(text))
    guard reader.name(), let west = reader.time() else { return nil }
    standard = -west
    if reader.rest.isEmpty { return }
    guard reader.name() else { return nil }
    if reader.rest.first == "," {
      summer = standard + 3_600
    } else {
      guard let west = reader.time() else { return nil }
      summer = -west
    }
    guard reader.take(","), let begins = reader.day(), reader.take(","), let ends = reader.day(), reader.rest.isEmpty
    else { return nil }
    (self.begins, self.ends) = (begins, ends)
  }

  func offset(at seconds: Int64) -> Int {
    guard let summer else { return standard }
    let year = Timestamp(seconds: seconds + Int64(standard)).fields.year
    // Each end is told by the clocks that are in force before it.
    let begin = instant(begins, year) - Int64(standard)
    let end = instant(ends, year) - Int64(summer)
    let isSummer = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end
    return isSummer ? summer : standard
  }

  /// From one change of a year to its next one, new year being one: from there on another year's days count.
  func period(at seconds: Int64) -> ClockZone.Period {
    guard let summer else { return ClockZone.Period(offset: standard) }
    let year = Timestamp(seconds: seconds + Int64(standard)).fields.year
    let bounds = [
      instant(.never, year) - Int64(standard), instant(begins, year) - Int64(standard),
      instant(ends, year) - Int64(summer), instant(.never, year + 1) - Int64(standard),
    ]
    return ClockZone.Period(
      from: bounds.filter { $0 <= seconds }.max() ?? seconds, to: bounds.filter { $0 > seconds }.min() ?? seconds + 1,
      offset: offset(at: seconds))
  }

  /// As if it were UTC.
  private func instant(_ day: Day, _ year: Int) -> Int64 {
    let newYear = Timestamp(.init(year: year, month: 1, day: 1)).seconds
    switch day {
    case .never: return newYear
    case .julian(let number, let seconds):
      let leap = Timestamp(.init(year: year, month: 3, day: 1)).seconds - newYear == 60 * 86_400
      return newYear + Int64((number - 1 + (leap && number >= 60 ? 1 : 0)) * 86_400 + seconds)
    case .count(let number, let seconds): return newYear + Int64(number * 86_400 + seconds)
    case .weekday(let month, let week, let weekday, let seconds):
      let first = Timestamp(.init(year: year, month: month, day: 1)).seconds
      // The first of January 1970 was a Thursday.
      let firstWeekday = Int(((first / 86_400 + 4) % 7 + 7) % 7)
      var date = 1 + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
      let next = Timestamp(.init(year: month == 12 ? year + 1 : year, month: month == 12 ? 1 : month + 1, day: 1))
      let length = Int((next.seconds - first) / 86_400)
      while date > length { date -= 7 }
      return first + Int64((date - 1) * 86_400 + seconds)
    }
  }

  private struct Reader {
    var rest: Substring

    mutating func take(_ mark: Character) -> Bool {
      guard rest.first == mark else { return false }
      rest.removeFirst()
      return true
    }

    mutating func name() -> Bool {
      if take("<") {
        guard let end = rest.firstIndex(of: ">") else { return false }
        rest = rest[rest.index(after: end)...]
        return true
      }
      let letters = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(letters.count)
      return letters.count >= 3
    }

    mutating func number() -> Int? {
      let digits = rest.prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(digits.count)
      return Int(digits)
    }

    /// `-5`, `5:30`, `167:00:00`: seconds.
    mutating func time() -> Int? {
      let sign = take("-") ? -1 : 1
      _ = sign == 1 && take("+")
      guard let hours = number(), hours <= 167 else { return nil }
      var seconds = hours * 3_600
      for unit in [60, 1] where take(":") {
        guard let count = number(), count < 60 else { return nil }
        seconds += count * unit
      }
      return sign * seconds
    }

    mutating func day() -> Day? {
      func at(_ reader: inout Reader) -> Int? { reader.take("/") ? reader.time() : 2 * 3_600 }
      if take("M") {
        guard let month = number(), (1...12).contains(month), take("."), let week = number(), (1...5).contains(week),
          take("."), let day = number(), (0...6).contains(day), let seconds = at(&self)
        else { return nil }
        return .weekday(month: month, week: week, day: day, seconds: seconds)
      }
      if take("J") {
        guard let number = number(), (1...365).contains(number), let seconds = at(&self) else { return nil }
        return .julian(number, seconds: seconds)
      }
      guard let number = number(), (0...365).contains(number), let seconds = at(&self) else { return nil }
      return .count(number, seconds: seconds)
    }
  }
}
