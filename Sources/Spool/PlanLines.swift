public import Core

/// A plan that changes while its drop or batch goes on: each change is one more line at the end of its file. So no file is made and none
/// deleted for it, and the newest line that is whole is the plan. See decision 0035.
public protocol GrowingPlan: Codable {}
extension DropPlan: GrowingPlan {}
extension BatchPlan: GrowingPlan {}

/// `{"length":523,"check":"0123456789abcdef",` and then the plan's own members: still JSON, a line of it.
///
/// What a stop or a power cut left of a line is shorter than it says, or holds zeros where bytes were not written in time: nothing
/// has rested on it, and it is passed over. A line of its full length with another checksum was altered.
enum PlanLines {
  private static let first = Array(#"{"length":"#.utf8)
  private static let second = Array(#","check":""#.utf8)
  /// Hex digits of the checksum of the plan without the two members.
  private static let checkDigits = 16

  enum Newest: Equatable {
    /// JSON, without the two members.
    case plan([UInt8])
    case altered
    /// No line of this form is whole.
    case none
  }

  /// The line, with its line feed.
  static func line(_ json: [UInt8]) -> [UInt8] {
    let rest = second + Array(check(of: json).utf8) + Array(#"","#.utf8) + json.dropFirst() + [UInt8(ascii: "\n")]
    // The line's length counts its own digits.
    var length = first.count + rest.count
    while first.count + "\(length)".utf8.count + rest.count - 1 != length {
      length = first.count + "\(length)".utf8.count + rest.count - 1
    }
    return first + Array("\(length)".utf8) + rest
  }

  static func newest(in file: [UInt8]) -> Newest {
    for line in file.split(separator: UInt8(ascii: "\n")).reversed() where line.starts(with: first) {
      guard let (length, check, json) = parts(of: line), length <= line.count, !line.contains(0) else { continue }
      return length == line.count && self.check(of: json) == check ? .plan(json) : .altered
    }
    return .none
  }

  /// What stands before the first line of this form: a plan as version 0.1 wrote it, or nothing.
  static func older(in file: [UInt8]) -> [UInt8] {
    var end = file.startIndex
    for line in file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      if line.starts(with: first) { return Array(file[..<end]) }
      end = min(line.endIndex + 1, file.endIndex)
    }
    return file
  }

  /// FNV-1a of 64 bits: any one byte that changed is found, and nothing has to be linked for it.
  private static func check(of json: some Sequence<UInt8>) -> String {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in json { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(sum, radix: 16)
    return String(repeating: "0", count: checkDigits - digits.count) + digits
  }

  private static func parts(of line: ArraySlice<UInt8>) -> (length: Int, check: String, json: [UInt8])? {
    let afterFirst = line.dropFirst(first.count)
    let digits = afterFirst.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let afterLength = afterFirst.dropFirst(digits.count)
    guard let length = Int(String(decoding: digits, as: UTF8.self)), afterLength.starts(with: second) else {
      return nil
    }
    let afterSecond = afterLength.dropFirst(second.count)
    let check = String(decoding: afterSecond.prefix(checkDigits), as: UTF8.self)
    let rest = afterSecond.dropFirst(checkDigits)
    guard rest.starts(with: #"","#.utf8) else { return nil }
    return (length, check, [UInt8(ascii: "{")] + rest.dropFirst(2))
  }
}
