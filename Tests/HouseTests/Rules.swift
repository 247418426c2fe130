import Glibc

/// The house rules, and the few homes that each leaves. A rule takes a file's path from the root and its text, and names
/// each breach as `path:line: what`.
enum Rules {
  static let fileLines = 400
  static let functionLines = 60

  /// Where the clock is read; everything else is told the time.
  static let clockHomes: Set<String> = ["Sources/Core/SystemClock.swift"]
  /// Where data is made durable.
  static let syncHomes = ["Sources/Files/", "Sources/CLinux/"]
  /// Where threads are made.
  static let threadHomes = ["Sources/Threads/"]
  /// Where words for people go to standard output.
  static let printHomes = ["Sources/navette/"]

  /// Where the process ends, without the handlers that libraries have registered.
  static let endHomes: Set<String> = ["Sources/navette/Main.swift"]

  typealias Rule = @Sendable (_ path: String, _ text: SwiftText) -> [String]

  static let swift: [String: Rule] = [
    "files are short": fileLength,
    "functions are short": functionLength,
    "nothing is forced": forced,
    "print has one home": printing,
    "full Foundation stays out": foundation,
    "the clock has one home": clock,
    "durability has one home": syncing,
    "tasks run on our own threads": tasks,
    "threads have one home": threading,
    "programs are started in one place": starting,
    "no wait with the state open": waiting,
    "the process ends in one place": ending,
    "unchecked promises are proved": unchecked,
    "one is not many": plurals,
    "numbers from outside do not trap": outsideNumbers,
    "a hash is no identity": hashing,
    "limits have one home": limits,
    "what is for tests is named so": testHooks,
  ]

  /// Sizes, offsets and lengths that files, plans, listings and headers tell: `+|`, `-|`, `*|`, `total`, `Int(clamping:)`, `Int(exactly:)`.
  static func outsideNumbers(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/") else { return [] }
    let near = [".size", ".compressedBytes", ".cursor", ".rawBytes", ".attempts", "storeFailures", "maxBytes"]
    let names =
      /\bmaxBytes *[-+*] |[^&|] [-+*] (?:[a-z]\w*\.)*maxBytes\b|\b[a-z]\w*\.(?:size|compressedBytes|cursor|rawBytes|attempts|storeFailures) *[-+*] |(?:[^&|]) [-+*] (?:[a-z]\w*\.)+(?:size|compressedBytes|cursor|rawBytes|attempts)\b|\bU?Int(?:32|64)?\((?:[a-z]\w*\.)+(?:size|compressedBytes|cursor|rawBytes)\)/
    return breaches(path, text, "bare arithmetic on a number from outside", near: near, names)
  }

  /// Two values may have one hash: what is compared by it is taken for what it is not, now and then.
  static func hashing(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/") else { return [] }
    return breaches(
      path, text, "a comparison of hashes", near: ["hashValue", "asher()", "asher.finalize()"],
      /\.hashValue\b|\bHasher\(\)|\bhasher\.finalize\(\)/)
  }

  /// Names that are not used again, whole; and words in small letters, as a part of any name: `ground` in `theGroundTruth`, too.
  static func retired(_ path: String, _ text: SwiftText, _ names: Set<String>) -> [String] {
    let file = (path.split(separator: "/").last ?? "").split(separator: ".").first ?? ""
    let lines = [(0, String(file))] + text.code.enumerated().map { ($0.offset + 1, $0.element) }
    var found: [String] = []
    for name in names {
      let isWord = name.allSatisfy(\.isLowercase)
      for (number, line) in lines where holds(line, [name, isWord ? name.capitalized : name]) {
        let hasWord = line.matches(of: /\w+/.wordBoundaryKind(.simple)).contains { match in
          isWord ? parts(of: match.output).contains(name) : match.output == name
        }
        if hasWord { found.append("\(path):\(number): \(name)") }
      }
    }
    return found
  }

  /// `landingElsewhere`, `RequestBox`, `in_hand`: what they are made of, in small letters.
  private static func parts(of identifier: Substring) -> [String] {
    identifier.matches(of: /[A-Z]?[a-z]+|[A-Z]+(?![a-z])/).map { $0.output.lowercased() }
  }

  static func fileLength(_ path: String, _ text: SwiftText) -> [String] {
    let count = text.lines.last == "" ? text.lines.count - 1 : text.lines.count
    return count > fileLines ? ["\(path):1: \(count) lines, more than \(fileLines)"] : []
  }

  static func functionLength(_ path: String, _ text: SwiftText) -> [String] {
    text.functions().filter { $0.length > functionLines }
      .map { "\(path):\($0.line): \($0.name) has \($0.length) lines, more than \(functionLines)" }
  }

  static func forced(_ path: String, _ text: SwiftText) -> [String] {
    breaches(path, text, "try! or as!", near: ["try!", "as!"], /\b(?:try|as)!/)
  }

  static func printing(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/"), !printHomes.contains(where: path.hasPrefix) else { return [] }
    return breaches(path, text, "print outside its home", near: ["rint("], /(?:^|[^.\w])(?:debugP|p)rint\(/)
  }

  static func foundation(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/") else { return [] }
    return breaches(path, text, "import of full Foundation: 45 MB", near: ["import "], /\bimport +Foundation\b/)
  }

  static func clock(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/"), !clockHomes.contains(path) else { return [] }
    return breaches(
      path, text, "a clock outside its home", near: ["Date", "time", "Clock"],
      /\bDate\(\)|\bDate\.now|\bclock_gettime\b|\bgettimeofday\b|\btime\(nil\)|\b(?:Continuous|Suspending)Clock\b/)
  }

  static func syncing(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/"), !syncHomes.contains(where: path.hasPrefix) else { return [] }
    return breaches(
      path, text, "a sync past Files", near: ["sync"], /\b(?:fsync|fdatasync|syncfs|sync_file_range)\(/)
  }

  /// What runs on libdispatch wakes up an idle agent once a second (decision 0013).
  static func tasks(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/"), !threadHomes.contains(where: path.hasPrefix) else { return [] }
    return breaches(
      path, text, "a task or sleep past Threads", near: ["Task", "Dispatch"],
      /\bTask *\{|\bTask\.(?:detached|sleep)\b|\bTask\((?:priority|name)?:|\bimport +Dispatch\b/)
  }

  /// One type knows condition variables, and one place makes threads (decision 0028).
  static func threading(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/"), !threadHomes.contains(where: path.hasPrefix) else { return [] }
    return breaches(
      path, text, "a thread, mutex or condition past Threads", near: ["pthread_", "sem_"],
      /\bpthread_(?:cond_|create|mutex_|rwlock_|join|cancel)|\bsem_wait\b/)
  }

  /// Foundation's `Process` learns of an end by a socket that other children, started at the same instant, may inherit: it then waits for
  /// as long as those live. `Child` and `Spawn` ask the kernel. The one left is never waited for.
  static func starting(_ path: String, _ text: SwiftText) -> [String] {
    if path == "Tests/StoresTests/Support.swift" { return [] }
    return breaches(path, text, "a program started past Child and Spawn", near: ["Process("], /\bProcess\(\)/)
  }

  /// Within `withLock { … }` the state is open for as long as the braces are: who waits there for somebody else to change it, waits for
  /// what the optimiser may never look at again. `Monitor.wait` asks anew.
  static func waiting(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/") else { return [] }
    let wait =
      /\b(?:pthread_cond_\w+|usleep|nanosleep|poll|epoll_wait|waitpid|sem_wait|join|wait|rest|perform)\(|\bawait\b/
      .wordBoundaryKind(.simple)
    var found: [String] = []
    for (index, line) in text.code.enumerated() where holds(line, ["withLock"]) {
      guard let start = line.firstRange(of: "withLock") else { continue }
      for (offset, body) in text.block(from: index, after: start) where body.contains(wait) {
        found.append("\(path):\(offset + 1): a wait while the state is open")
      }
    }
    return found
  }

  static func ending(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/"), !endHomes.contains(path) else { return [] }
    return breaches(
      path, text, "an end past Main", near: ["exit("],
      /(?:^|[^.\w]|\bGlibc\.|\bNavette\.)(?:_|quick_)?exit\(/)
  }

  /// A comment stands directly above, attributes and earlier lines of the same declaration aside.
  static func unchecked(_ path: String, _ text: SwiftText) -> [String] {
    var found: [String] = []
    for (index, line) in text.code.enumerated() where holds(line, ["@unchecked", "nonisolated(unsafe)"]) {
      let above = index > 0 ? text.lines[index - 1].drop { $0 == " " } : ""
      if !above.hasPrefix("//") { found.append("\(path):\(index + 1): no comment above proves it") }
    }
    return found
  }

  /// `1 rows` reads badly; `counted` knows better. A limit is never one.
  static func plurals(_ path: String, _ text: SwiftText) -> [String] {
    guard path.hasPrefix("Sources/") else { return [] }
    let nouns =
      /\\\((?<number>(?:[^()"]|\([^()]*\))*)\) (?:rows|bytes|columns|records|drops|batches|objects|files|parts|differences|days)\b/
    return text.lines.enumerated().filter { holds($0.element, ["\\("]) }.flatMap { index, line in
      line.matches(of: nouns.wordBoundaryKind(.simple))
        .filter { match in
          !["Limits.", "Self.", "max", "counted("].contains { match.output.number.contains($0) }
            && !line[..<match.range.lowerBound].hasSuffix(" of ")
        }
        .map { "\(path):\(index + 1): \($0.output.0) without `counted`" }
    }
  }

  /// `near`: a line without one of these is no breach; looking for them is much faster than the pattern.
  static func breaches(
    _ path: String, _ text: SwiftText, _ what: String, near: [String], _ pattern: Regex<Substring>
  ) -> [String] {
    // `\b` as programmers mean it: Unicode's own sees no boundary at the dot of `Glibc.fsync`.
    let pattern = pattern.wordBoundaryKind(.simple)
    return text.code.enumerated().filter { holds($0.element, near) && $0.element.contains(pattern) }
      .map { "\(path):\($0.offset + 1): \(what)" }
  }

  static func holds(_ line: String, _ needles: [String]) -> Bool { needles.contains { strstr(line, $0) != nil } }

  static func tabs(_ path: String, _ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .filter { $0.element.contains("\t") }.map { "\(path):\($0.offset + 1): a tab" }
  }

  /// Decision records are numbered from 0001 without a gap, and each says what a record must.
  static func decisions(_ files: [(name: String, text: String)]) -> [String] {
    var found: [String] = []
    for (index, file) in files.sorted(by: { $0.name < $1.name }).enumerated() {
      let digits = String(index + 1)
      let number = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      if !file.name.hasPrefix("\(number)-") { found.append("\(file.name): expected number \(number)") }
      for chapter in ["Context", "Decision", "Why", "Consequences"] where !file.text.contains("**\(chapter).**") {
        found.append("\(file.name): no \(chapter)")
      }
    }
    return found
  }

  static func readme(_ text: String) -> [String] {
    ["make demo", "make test"].filter { !text.contains($0) }.map { "README.md: \($0) is not mentioned" }
  }
}
