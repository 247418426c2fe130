/// Numbers that bound something stand in the `Limits.swift` of their module, and in the table of `docs/state-folder.md`.
extension Rules {
  /// Whose limits are still to be moved: an entry goes with the last of them.
  static let limitsToMove: [String] = []

  /// Defaults and ranges of settings: `navette.yaml(5)` lists them, and a test compares it. Units of what is read.
  static let settingHomes = [
    "Sources/Config/Settings/", "Sources/Config/Walk/", "Sources/Config/Values/Quantities.swift",
  ]

  /// Numbers that others have chosen (a service, a format, the calendar), or that a setting replaces: by a part of their line.
  static let otherNumbers: [String: [String]] = [
    "Sources/Core/ClockZone.swift": ["86_400"],
    "Sources/Core/Digest.swift": ["byteCount = 32"],
    "Sources/Formats/Block.swift": ["size = 64"],
    "Sources/Formats/JSON/JSONRules.swift": ["maxBytes: UInt64 = 20 << 30", "maxRowBytes = 1 << 20"],
    "Sources/Formats/Records.swift": ["maxRecord: Int = 1 << 20"],
    "Sources/Formats/TableRules.swift": ["maxBytes: UInt64 = 20 << 30", "maxRowBytes = 1 << 20"],
    "Sources/Inbound/Calendar/ArrivalCalendar.swift": [".seconds(7 * 86_400)"],
    "Sources/Inbound/Decrypting/GnuPGProcess.swift": ["statusNumber: Int32 = 3", "passphraseNumber: Int32 = 4"],
    "Sources/Threads/PipedProgram.swift": ["besideNumber: Int32 = 3"],
    "Sources/Outbound/Delivery/RollbackCheck.swift": ["86_400"],
    "Sources/Spool/PlanLines.swift": ["checkDigits = 16"],
    "Sources/Spool/StateForm.swift": ["current = 2"],
    "Sources/Stores/Azure/AzureBlocks.swift": ["most: UInt64 = 50_000", "largest: UInt64 = 4_000 << 20"],
    "Sources/Stores/S3/S3Parts.swift": [
      "most = 10_000", "largestObject: UInt64 = 5 << 40", "mebibyte: UInt64 = 1 << 20",
    ],
    "Sources/Stores/SFTP/SFTPAnswers.swift": ["latest: UInt64 = 1 << 32"],
    "Sources/Stores/SFTP/SSHAccess.swift": ["keyboard = 1 << 3", "password = 1 << 1", "publicKey = 1 << 0"],
  ]

  static func limits(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/"), !path.hasSuffix("/Limits.swift"),
      !(limitsToMove + settingHomes).contains(where: path.hasPrefix)
    else { return [] }
    let others = otherNumbers[path] ?? []
    // A constant that is a number above one; a time; a size; what a call may take.
    let patterns: [Regex<Substring>] = [
      /\blet \w+(?:: [\w.]+)? = -?(?:[2-9]|\d[\d_]+|1 << \d+)(?: *(?:<<|[-+*\/]) *[\d_]+)* *(?:$|;)/,
      /\bstatic var \w+: [\w.]+ \{ (?:[2-9]|\d[\d_]+)[^.]*\}/,
      /\.(?:nanoseconds|microseconds|milliseconds|seconds)\(-?(?:[2-9]|\d[\d_]+)/,
      /\b\d[\d_]* (?:<< (?:10|16|20|30|40)|\* 1_?024)\b/,
      /\b(?:limit|capacity|byteCount|patience|timeout|window|width|most): (?:[2-9]|\d[\d_]+)\b/,
    ].map { $0.wordBoundaryKind(.simple) }
    return text.code.enumerated().filter { _, line in
      line.utf8.contains { (48...57).contains($0) } && !others.contains { line.contains($0) }
        && patterns.contains { line.contains($0) }
    }.map { "\(path):\($0.offset + 1): a limit past Limits.swift" }
  }
}

/// What the files `Limits.swift` hold, and what the manual says they do.
enum LimitTable {
  struct Row: CustomStringConvertible {
    let module: String
    let name: String
    let value: String
    /// `path:line`
    let line: String

    var description: String { "| \(module) | `\(name)` | \(value) |" }
  }

  static func code(_ files: [(path: String, text: String)]) -> [Row] {
    files.flatMap { path, text in
      let module = path.split(separator: "/").dropLast().last.map(String.init) ?? ""
      return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
        line.firstMatch(of: /^ *(?:public )?static let (\w+)(?:: \w+)? = (.+?) *$/).map { match in
          Row(
            module: module, name: String(match.output.1), value: shown(match.output.2), line: "\(path):\(index + 1)")
        }
      }
    }
  }

  /// Rows of limits that say what for, up to that.
  static func page(_ text: String) -> [String] {
    text.matches(of: /(?m)^(\| \w+ \| `\w+` \| [^|]+ \|) [^ |][^|]*\|$/).map { String($0.output.1) }
  }

  /// `64 << 10` is `64 KiB`, `.seconds(7 * 86_400)` is `7 d`.
  private static func shown(_ text: Substring) -> String {
    if let time = text.firstMatch(of: /^\.(seconds|milliseconds)\((.+)\)$/) {
      guard let count = number(time.output.2) else { return "?" }
      let units = time.output.1 == "seconds" ? [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)] : [("ms", 1)]
      let unit = units.first { count % $0.1 == 0 } ?? ("", 1)
      return "\(grouped(count / unit.1)) \(unit.0)"
    }
    // Made of others: as it stands there.
    guard let count = number(text) else { return "`\(text)`" }
    let shift = [30, 20, 10].first { count % (1 << $0) == 0 && text.contains(/<<|1_?024/) }
    return shift.map { "\(grouped(count >> $0)) \($0 == 30 ? "G" : $0 == 20 ? "M" : "K")iB" } ?? grouped(count)
  }

  private static func number(_ text: Substring) -> Int? {
    var result: Int?
    var operation = "*"
    for word in text.filter({ $0 != "_" }).split(separator: " ") {
      if word == "<<" || word == "*" { operation = String(word); continue }
      guard let value = Int(word) else { return nil }
      result = result.map { operation == "<<" ? $0 << value : $0 * value } ?? value
    }
    return result
  }

  private static func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.map { index in
      (index > 0 && (digits.count - index) % 3 == 0 ? "," : "") + String(digits[index])
    }.joined()
  }
}
