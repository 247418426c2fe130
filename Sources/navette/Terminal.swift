import Agent
import ArgumentParser
import Config
import Core
import FoundationEssentials
import Glibc
import SystemPackage

/// The only place that writes to standard output and standard error.
enum Terminal {
  static func line(_ text: String) { write(text + "\n", to: 1) }
  static func complain(_ text: String) { write("navette: \(text)\n", to: 2) }

  /// What the reader of the command line says: the help that was asked for, or what is wrong with the words.
  static func answer(_ text: String, isGood: Bool) { write(text + "\n", to: isGood ? 1 : 2) }

  /// As it is, where a person looks.
  static func draw(_ text: String) { write(text, to: 2) }

  /// Whether standard output shows colours to a person who wants them (no-color.org).
  static var hasColour: Bool { isatty(1) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true) }

  /// To the screen, as it is.
  static func raw(_ text: String) { write(text, to: 1) }

  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    line(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// A table that fits 100 columns: the last cell gives up its middle, for keys and file names tell most at their ends.
  static func table(_ header: [String], _ rows: [[String]]) { columns([header] + rows, width: Limits.tableWidth) }

  /// Columns padded to their widest cell; the last one is left as it is, or cut to the width.
  static func columns(_ rows: [[String]], width: Int = .max) { for text in lines(rows, width: width) { line(text) } }

  static func tableLines(_ header: [String], _ rows: [[String]]) -> [String] {
    lines([header] + rows, width: Limits.tableWidth)
  }

  private static func lines(_ rows: [[String]], width: Int) -> [String] {
    var widths: [Int] = []
    for row in rows {
      widths += Array(repeating: 0, count: max(0, row.count - widths.count))
      for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
    }
    return rows.map { row in
      let start = zip(row, widths).dropLast().map { $0 + String(repeating: " ", count: $1 - $0.count + 2) }.joined()
      return start + shortened(row.last ?? "", to: max(20, width - start.count))
    }
  }

  private static func shortened(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    let head = (width - 1) / 3
    return "\(text.prefix(head))…\(text.suffix(width - 1 - head))"
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      // A reader that has gone away, as in `navette drops | head`, is no fault of ours.
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

/// Runs a command's work and turns what it throws into words and the contract's exit codes.
func carryOut(_ work: () async throws -> Agent.ExitCode) async throws {
  // What is kept is personal data: nothing that is made on the way, SQLite's files too, is for everybody.
  umask(0o027)
  let code: Agent.ExitCode
  do {
    code = try await work()
  } catch let failure as Failure {
    Terminal.complain(failure.description)
    code = failure.code
  } catch let problems as ConfigProblems {
    for problem in problems.all { Terminal.complain(problem.description) }
    code = .configuration
  }
  if code != .done { throw ArgumentParser.ExitCode(code.rawValue) }
}

/// The configuration that the command was given, read and checked.
func readSettings(_ options: CommonOptions, secrets: ConfigReader.Secrets) throws -> Settings {
  try ConfigReader.read(
    file: FilePath(options.config), environment: ProcessInfo.processInfo.environment, secrets: secrets)
}

/// `12.3 MiB`
func size(_ bytes: UInt64) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB"]
  var value = Double(bytes)
  var unit = 0
  while value >= 1024, unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  if unit == 0 { return "\(bytes) B" }
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// `3 d 4 h`, `2 min 5 s`
func span(_ seconds: Int64) -> String {
  switch seconds {
  case ..<60: "\(seconds) s"
  case ..<3_600: "\(seconds / 60) min \(seconds % 60) s"
  case ..<86_400: "\(seconds / 3_600) h \(seconds % 3_600 / 60) min"
  default: "\(seconds / 86_400) d \(seconds % 86_400 / 3_600) h"
  }
}

/// A point in time as people give it: `2026-03-12`, `2026-03-12T06:00:00Z`, or an age such as `2h` or `7d`.
func since(_ text: String?, now: Timestamp) throws -> Timestamp? { try moment(text, of: "--since", now: now) }

/// A time, or how long ago. Nil for nil.
func moment(_ text: String?, of option: String, now: Timestamp) throws -> Timestamp? {
  guard let text else { return nil }
  if let time = Timestamp(text: text) { return time }
  let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
  if let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count >= 0, count < 1_000_000 {
    return now - .seconds(count * unit)
  }
  throw ValidationError("\(option) takes a time such as 2026-03-12, 2026-03-12T06:00:00Z, 2h or 7d, not “\(text)”")
}
