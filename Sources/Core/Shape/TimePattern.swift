/// How times are written in a log, as `yyyy/MM/dd HH:mm:ss`: the letters of java.time, which AEP's own tools use.
public struct TimePattern: Hashable, Sendable {
  private enum Piece: Hashable, Sendable {
    case year, month, day, hour, minute, second
    /// One or two digits.
    case looseMonth, looseDay, looseHour
    /// So many digits.
    case fraction(Int)
    /// `Z`, `+01`, `+0100` or `+01:00`.
    case offset
    case literal(UInt8)
  }

  public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    /// As it may have been meant.
    public let remedy: String?
  }

  /// What a clock showed.
  public struct Reading: Hashable, Sendable {
    public var fields = Timestamp.Fields(year: 0, month: 0, day: 0)
    public var nanoseconds: Int64 = 0
    /// Seconds east of Greenwich, where that is written.
    public var offset: Int?
  }

  public let text: String
  private let pieces: [Piece]

  public var hasOffset: Bool { pieces.contains(.offset) }

  public init(_ text: String) throws(Fault) {
    self.text = text
    var pieces: [Piece] = []
    var rest = Substring(text)
    while let letter = rest.first {
      if letter == "'" {
        pieces += try Self.quoted(&rest)
        continue
      }
      let run = rest.prefix { $0 == letter }
      rest = rest.dropFirst(run.count)
      guard letter.isASCII, letter.isLetter else {
        pieces += run.utf8.map { .literal($0) }
        continue
      }
      guard let piece = Self.piece(letter, run.count) else { throw Self.unknown(String(run)) }
      pieces.append(piece)
    }
    func has(_ either: Piece...) -> Bool { either.contains { pieces.contains($0) } }
    guard has(.year), has(.month, .looseMonth), has(.day, .looseDay) else {
      throw Fault(description: "a year, a month and a day are needed", remedy: "Write yyyy, MM and dd")
    }
    self.pieces = pieces
  }

  private static func quoted(_ rest: inout Substring) throws(Fault) -> [Piece] {
    rest.removeFirst()
    var literal = ""
    while let end = rest.firstIndex(of: "'") {
      literal += rest[..<end]
      rest = rest[rest.index(after: end)...]
      // Two of them are one that is meant.
      guard rest.first == "'" else { return (literal.isEmpty ? "'" : literal).utf8.map { .literal($0) } }
      literal += "'"
      rest.removeFirst()
    }
    throw Fault(description: "an apostrophe is never closed", remedy: "Write '' for an apostrophe")
  }

  private static func piece(_ letter: Character, _ count: Int) -> Piece? {
    switch (letter, count) {
    case ("y", 4), ("u", 4): .year
    case ("M", 2): .month
    case ("d", 2): .day
    case ("H", 2): .hour
    case ("M", 1): .looseMonth
    case ("d", 1): .looseDay
    case ("H", 1): .looseHour
    case ("m", 2): .minute
    case ("s", 2): .second
    case ("S", 1...9): .fraction(count)
    case ("X", 1...3), ("x", 1...3), ("Z", 1...3): .offset
    default: nil
    }
  }

  private static func unknown(_ run: String) -> Fault {
    let meant = ["YYYY": "yyyy", "DD": "dd", "SS": "ss", "hh": "HH"]
    return Fault(
      description: "“\(run)” is not known",
      remedy: meant[run].map { "Write \($0)" } ?? "Known: yyyy MM dd HH mm ss SSS XXX, and text in apostrophes")
  }

  /// Nil where the text is not written so, or is no day and time.
  public func read(_ text: UnsafeBufferPointer<UInt8>) -> Reading? {
    var digits = Digits(text: text)
    var reading = Reading()
    for piece in pieces {
      guard read(piece, &digits, &reading) else { return nil }
    }
    let fields = reading.fields
    guard digits.isAtEnd, Timestamp.years.contains(fields.year), (1...12).contains(fields.month),
      fields.day >= 1, fields.day <= Self.days(fields.month, of: fields.year), fields.hour < 24, fields.minute < 60,
      fields.second < 60
    else { return nil }
    return reading
  }

  @inline(__always)
  private func read(_ piece: Piece, _ digits: inout Digits, _ reading: inout Reading) -> Bool {
    switch piece {
    case .literal(let byte): return digits.take(byte)
    case .year: return digits.number(4, 4, into: &reading.fields.year)
    case .month: return digits.number(2, 2, into: &reading.fields.month)
    case .day: return digits.number(2, 2, into: &reading.fields.day)
    case .hour: return digits.number(2, 2, into: &reading.fields.hour)
    case .looseMonth: return digits.number(1, 2, into: &reading.fields.month)
    case .looseDay: return digits.number(1, 2, into: &reading.fields.day)
    case .looseHour: return digits.number(1, 2, into: &reading.fields.hour)
    case .minute: return digits.number(2, 2, into: &reading.fields.minute)
    case .second: return digits.number(2, 2, into: &reading.fields.second)
    case .fraction(let count):
      var value = 0
      guard digits.number(count, count, into: &value) else { return false }
      reading.nanoseconds = Int64((count..<9).reduce(value) { value, _ in value * 10 })
      return true
    case .offset:
      reading.offset = digits.offset()
      return reading.offset != nil
    }
  }

  private static func days(_ month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

private struct Digits {
  let text: UnsafeBufferPointer<UInt8>
  private var at = 0

  init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

  var isAtEnd: Bool { at == text.count }

  @inline(__always)
  mutating func take(_ byte: UInt8) -> Bool {
    guard at < text.count, text[at] == byte else { return false }
    at += 1
    return true
  }

  /// So many digits, at least and at most.
  @inline(__always)
  mutating func number(_ least: Int, _ most: Int, into value: inout Int) -> Bool {
    var (found, count) = (0, 0)
    while count < most, at < text.count, text[at] &- 48 < 10 {
      found = found &* 10 &+ Int(text[at] &- 48)
      count += 1
      at += 1
    }
    value = found
    return count >= least
  }

  mutating func offset() -> Int? {
    if take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return 0 }
    let sign = take(UInt8(ascii: "+")) ? 1 : take(UInt8(ascii: "-")) ? -1 : 0
    var (hours, minutes) = (0, 0)
    guard sign != 0, number(2, 2, into: &hours), hours < 24 else { return nil }
    let hasColon = take(UInt8(ascii: ":"))
    guard hasColon || at < text.count && text[at] &- 48 < 10 else { return sign * hours * 3_600 }
    guard number(2, 2, into: &minutes), minutes < 60 else { return nil }
    return sign * (hours * 3_600 + minutes * 60)
  }
}
