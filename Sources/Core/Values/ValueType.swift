/// What a value may be told to be.
public enum ValueType: Hashable, Sendable {
  /// An address that a mail server takes: ASCII, without quotes, at a domain with a dot.
  case email
  /// `2026-03-12`, a day that there is.
  case date
  /// A day and a time: `2026-03-12T06:00:00.5+01:00`, `2026-03-12 06:00`.
  case datetime
  /// `-12.5e3`: a dot before decimals, nothing between thousands.
  case number
  /// `-12`
  case integer
  /// `true`, `false`, `1`, `0`, in letters of either case.
  case boolean
  case pattern(ValuePattern)

  /// One of the words; nil for anything else.
  public init?(word: String) {
    switch word {
    case "email": self = .email
    case "date": self = .date
    case "datetime": self = .datetime
    case "number": self = .number
    case "integer": self = .integer
    case "boolean": self = .boolean
    default: return nil
    }
  }

  public static let words = ["email", "date", "datetime", "number", "integer", "boolean"]

  /// Behind "is not".
  public var shown: String {
    switch self {
    case .email: "an e-mail address"
    case .date: "a day such as 2026-03-12"
    case .datetime: "a time such as 2026-03-12T06:00:00Z"
    case .number: "a number"
    case .integer: "a whole number"
    case .boolean: "true, false, 1 or 0"
    case .pattern: "as its pattern says"
    }
  }

  /// - Parameter cell: not empty.
  public func holds(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
    switch self {
    case .email: Self.isEmail(cell)
    case .date: cell.count == 10 && Self.day(cell)
    case .datetime: Self.isDatetime(cell)
    case .number: Self.isNumber(cell)
    case .integer: Self.isInteger(cell)
    case .boolean: Self.isBoolean(cell)
    case .pattern(let pattern): pattern.matches(cell)
    }
  }
}

// MARK: - Numbers and words

private func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

extension ValueType {
  private typealias Cell = UnsafeBufferPointer<UInt8>

  private static func isInteger(_ cell: Cell) -> Bool {
    let start = cell[0] == UInt8(ascii: "-") || cell[0] == UInt8(ascii: "+") ? 1 : 0
    guard cell.count > start else { return false }
    for index in start..<cell.count where !isDigit(cell[index]) { return false }
    return true
  }

  private static func isNumber(_ cell: Cell) -> Bool {
    var index = cell[0] == UInt8(ascii: "-") || cell[0] == UInt8(ascii: "+") ? 1 : 0
    func digits() -> Int {
      let start = index
      while index < cell.count, isDigit(cell[index]) { index += 1 }
      return index - start
    }
    let whole = digits()
    var part = 0
    if index < cell.count, cell[index] == UInt8(ascii: ".") {
      index += 1
      part = digits()
      guard part > 0 else { return false }
    }
    guard whole + part > 0 else { return false }
    if index < cell.count, cell[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      if index < cell.count, cell[index] == UInt8(ascii: "-") || cell[index] == UInt8(ascii: "+") { index += 1 }
      guard digits() > 0 else { return false }
    }
    return index == cell.count
  }

  private static func isBoolean(_ cell: Cell) -> Bool {
    if cell.count == 1 { return cell[0] == UInt8(ascii: "0") || cell[0] == UInt8(ascii: "1") }
    return cell.elementsEqual("true".utf8) { $0 | 0x20 == $1 } || cell.elementsEqual("false".utf8) { $0 | 0x20 == $1 }
  }

  // MARK: Days and times

  /// Two digits; 100 where they are none.
  private static func two(_ cell: Cell, _ index: Int) -> Int {
    guard isDigit(cell[index]), isDigit(cell[index + 1]) else { return 100 }
    return Int(cell[index] - 48) * 10 + Int(cell[index + 1] - 48)
  }

  /// The first ten bytes.
  private static func day(_ cell: Cell) -> Bool {
    guard cell[4] == UInt8(ascii: "-"), cell[7] == UInt8(ascii: "-") else { return false }
    let (century, year, month, day) = (two(cell, 0), two(cell, 2), two(cell, 5), two(cell, 8))
    guard century < 100, year < 100, (1...12).contains(month), day >= 1 else { return false }
    let isLeap = year % 4 == 0 && (year != 0 || century % 4 == 0)
    let days = month == 2 ? (isLeap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
    return day <= days
  }

  private static func isDatetime(_ cell: Cell) -> Bool {
    guard cell.count >= 16, day(cell), cell[10] | 0x20 == UInt8(ascii: "t") || cell[10] == 0x20,
      two(cell, 11) < 24, cell[13] == UInt8(ascii: ":"), two(cell, 14) < 60
    else { return false }
    var index = 16
    if index + 2 < cell.count, cell[index] == UInt8(ascii: ":") {
      // A leap second is one.
      guard two(cell, index + 1) <= 60 else { return false }
      index += 3
      if index + 1 < cell.count, cell[index] == UInt8(ascii: "."), isDigit(cell[index + 1]) {
        index += 2
        while index < cell.count, isDigit(cell[index]) { index += 1 }
      }
    }
    return isZone(Cell(rebasing: cell[index...]))
  }

  /// Nothing, `Z`, `+01`, `+0100` or `+01:00`.
  private static func isZone(_ rest: Cell) -> Bool {
    guard let sign = rest.first else { return true }
    if sign | 0x20 == UInt8(ascii: "z") { return rest.count == 1 }
    guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), rest.count >= 3, two(rest, 1) < 24 else {
      return false
    }
    switch rest.count {
    case 3: return true
    case 5: return two(rest, 3) < 60
    case 6: return rest[3] == UInt8(ascii: ":") && two(rest, 4) < 60
    default: return false
    }
  }

  // MARK: Addresses

  private static let localBytes: [Bool] = {
    var allowed = [Bool](repeating: false, count: 256)
    for byte in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-".utf8 {
      allowed[Int(byte)] = true
    }
    return allowed
  }()

  /// RFC 5321 without quotes and address literals: a local part of at most 64 bytes, 254 in all.
  private static func isEmail(_ cell: Cell) -> Bool {
    guard cell.count <= 254 else { return false }
    let allowed = localBytes
    var (index, isOpen) = (0, false)
    while index < cell.count, cell[index] != UInt8(ascii: "@") {
      let byte = cell[index]
      if allowed[Int(byte)] {
        isOpen = true
      } else if byte == UInt8(ascii: "."), isOpen {
        isOpen = false
      } else {
        return false
      }
      index += 1
    }
    guard isOpen, index <= 64, index < cell.count else { return false }
    return isDomain(cell, from: index + 1)
  }

  /// At least two labels of letters, digits and hyphens; the last one is no number.
  private static func isDomain(_ cell: Cell, from start: Int) -> Bool {
    var (label, labels, hasLetter) = (0, 0, false)
    var last = UInt8(ascii: ".")
    for index in start..<cell.count {
      let byte = cell[index]
      if byte == UInt8(ascii: ".") {
        guard label > 0, last != UInt8(ascii: "-") else { return false }
        (label, labels, hasLetter) = (0, labels + 1, false)
      } else {
        let isLetter = (byte | 0x20) &- 97 < 26
        guard isLetter || isDigit(byte) || byte == UInt8(ascii: "-") && label > 0 else { return false }
        hasLetter = hasLetter || isLetter
        label += 1
        if label > 63 { return false }
      }
      last = byte
    }
    return labels > 0 && label > 0 && hasLetter && last != UInt8(ascii: "-")
  }
}
