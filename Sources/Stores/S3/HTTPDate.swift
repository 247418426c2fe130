import Core

/// `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110, IMF-fixdate): the only form that servers send today. From 1970 on; a date that `Timestamp`
/// cannot hold is no date.
enum HTTPDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// - Parameter clamping: a later date is the last moment that there is.
  static func parse(_ text: String, clamping: Bool) -> Timestamp? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])),
      let year = Int(words[3]), (1970...(clamping ? 9_999 : Timestamp.years.upperBound)).contains(year),
      let day = Int(words[1]), (1...31).contains(day)
    else { return nil }
    let time = words[4].split(separator: ":").map { Int($0) ?? -1 }
    guard time.count == 3, (0..<24).contains(time[0]), (0..<60).contains(time[1]), (0..<61).contains(time[2]) else {
      return nil
    }
    return Timestamp(.init(year: year, month: month + 1, day: day, hour: time[0], minute: time[1], second: time[2]))
  }

  static func parse(_ text: String) -> Timestamp? { parse(text, clamping: false) }

  static func text(_ time: Timestamp) -> String {
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]  // 1 January 1970 was a Thursday.
    let f = time.fields
    let day = days[Int((time.seconds / 86_400) % 7)]
    return "\(day), \(two(f.day)) \(months[f.month - 1]) \(f.year) \(two(f.hour)):\(two(f.minute)):\(two(f.second)) GMT"
  }
}
