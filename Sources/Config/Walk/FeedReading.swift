import Core
import SystemPackage

extension FeedSettings {
  /// Nil where a folder is missing or wrong, which was reported.
  init?(_ name: FeedName, _ section: Section) {
    let landing = section.require("landing", .path("the folder where files arrive"))
    let handover = section.require("handover", .path("the folder that the consumer watches"))
    self.init(name: name, landing: landing ?? "/", handover: handover ?? "/")
    section.read("include", .list(.nameGlob, atLeast: 1), into: &include)
    section.read("exclude", .list(.nameGlob), into: &exclude)
    section.read("recursive", .flag, into: &recursive)
    section.read("handover_name", .nameTemplate, into: &handoverName)
    section.read("mode", .fileMode, into: &mode)
    section.read("owner", .account, into: &owner)
    section.read("group", .account, into: &group)
    section.read("collision", .word, into: &collision)
    section.read("packed_max_bytes", .anySize, into: &packedMost)
    if let ready = section.section("ready") { readReady(ready) }
    if let format = section.section("format") { self.format = Format(format) }
    if let require = section.section("require") { self.require = Require(require, self.format.type) }
    section.read("duplicates", .word, into: &duplicates)
    section.read("unique", .unique, into: &unique)
    if let rejects = section.section("rejects") { self.rejects = Rejects(rejects) }
    if let archive = section.section("archive") {
      archive.read("keep", .keep, into: &archiveKeep)
      archive.read("max_bytes", .anySize, into: &archiveMaxBytes)
      archive.finish()
    }
    if let quarantine = section.section("quarantine") {
      quarantine.read("keep", .keep, into: &quarantineKeep)
      quarantine.finish()
    }
    decrypt = section.section("decrypt").flatMap { Decrypt($0) }
    rewrite = section.section("rewrite").map { Rewrite($0, format.type) }
    expect = section.section("expect").flatMap { Expect($0) }
    pull = section.section("pull").flatMap { Pull($0) }
    section.finish()
    guard landing != nil, handover != nil else { return nil }
  }

  private mutating func readReady(_ section: Section) {
    section.read("settle", .settle, into: &settle)
    section.read("manifest", .word, into: &manifest)
    section.read("parts", .word, into: &parts)
    section.read("marker", .markerTemplate, into: &marker)
    section.read("timeout", .readyTimeout, into: &timeout)
    section.finish()
  }
}

extension Kind where T == FeedSettings.Settle {
  static var settle: Kind<FeedSettings.Settle> {
    .scalar("auto or a time such as 30s, 15m or 4h, at most 1d") { text in
      if text == "auto" { return .auto }
      return Quantities.duration(text).flatMap { $0 <= .seconds(86_400) ? FeedSettings.Settle($0) : nil }
    }
  }
}

extension FeedSettings.Decrypt {
  fileprivate init?(_ section: Section) {
    let key = section.require("key", .secret)
    let passphrase = section.read("passphrase", .secret)
    section.finish()
    guard let key else { return nil }
    self.init(key: key)
    self.passphrase = passphrase
  }
}

extension FeedSettings.Expect {
  fileprivate init?(_ section: Section) {
    let every = section.read("every", .dueEvery)
    let by = section.has("every") ? section.read("by", .timesOfDay) : section.require("by", .timesOfDay)
    let days = section.read("days", .list(Kind<Day>.word, atLeast: 1))
    let timezone = section.read("timezone", .timezone)
    let grace = section.read("grace", .time(to: .seconds(86_400)))
    section.finish()
    if every != nil, let by, by.count > 1 {
      let spot = section.spot.child("every")
      spot.walk.report(
        ConfigProblem(
          at: spot.walk.places[spot.path], key: spot.path, "either several times stand in by, or every repeats one",
          remedy: "Leave out one of them"))
      return nil
    }
    guard let first = by ?? (every == nil ? nil : TimeOfDay(hour: 0, minute: 0).map { [$0] }) else { return nil }
    self.init(by: every.map { Self.repeated(first, every: $0) } ?? first.sorted())
    self.days = days.map { Set($0) } ?? self.days
    self.timezone = timezone ?? self.timezone
    self.grace = grace ?? self.grace
  }
}

extension FeedSettings.Expect {
  /// All around the clock, which the time divides.
  private static func repeated(_ first: [TimeOfDay], every: Duration) -> [TimeOfDay] {
    let day = 24 * 60
    let step = max(1, Int(every.milliseconds / 60_000))
    let start = first.first.map { $0.hour * 60 + $0.minute } ?? 0
    return stride(from: start, to: start + day, by: step).compactMap { minute in
      TimeOfDay(hour: minute % day / 60, minute: minute % 60)
    }.sorted()
  }
}

extension Kind where T == [TimeOfDay] {
  /// One time or a list of them.
  fileprivate static var timesOfDay: Kind<[TimeOfDay]> {
    let expected = "a time of day such as \"06:00\", or a list of at most \(Limits.dueTimes) of them"
    return Kind(expected) { node, spot in
      guard case .list(let nodes) = node.value else {
        return Kind<TimeOfDay>.scalar(expected) { Quantities.timeOfDay($0) }.read(node, spot).map { [$0] }
      }
      guard nodes.count <= Limits.dueTimes else {
        spot.refuse(node, expected: expected)
        return nil
      }
      return Kind.list(.timeOfDay, atLeast: 1).read(node, spot)
    }
  }
}

extension Kind where T == Duration {
  fileprivate static var dueEvery: Kind<Duration> {
    .scalar("a time such as 3h, from 1h to 12h, that divides a day") { text in
      guard let time = Quantities.duration(text), time >= .seconds(3_600), time <= .seconds(12 * 3_600),
        86_400_000 % time.milliseconds == 0, time.milliseconds % 60_000 == 0
      else { return nil }
      return time
    }
  }
}

extension FeedSettings.Pull {
  fileprivate init?(_ section: Section) {
    let store = section.require("store", .storeName)
    let prefix = section.read("prefix", .keyPrefix)
    let every = section.read("every", .time(from: .seconds(1), to: .seconds(86_400)))
    let after = section.read("after", Kind<After>.word)
    section.finish()
    guard let store else { return nil }
    self.init(store: store)
    self.prefix = prefix ?? self.prefix
    self.every = every ?? self.every
    self.after = after ?? self.after
  }
}

extension Kind where T == Duration {
  static var readyTimeout: Kind<Duration> { time(from: .seconds(1), to: .seconds(365 * 86_400)) }
}

extension Kind where T == StoreName {
  static var storeName: Kind<StoreName> { .scalar("the name of a store") { StoreName($0) } }
}

extension Kind where T == String {
  static var account: Kind<String> {
    .text("the name or number of a user or group") { text in
      (1...32).contains(text.utf8.count) && text.utf8.allSatisfy(Text.isNameByte) && !text.hasPrefix("-")
    }
  }
  static var keyPrefix: Kind<String> {
    .text("a prefix of A-Z a-z 0-9 . _ - / =, or \"\"") { Text.keyPrefix($0) != nil }
  }
}

extension Kind where T == UInt32 {
  static var fileMode: Kind<UInt32> {
    .scalar("an octal file mode such as \"0660\" that lets the owner read") { text in
      Quantities.mode(text).flatMap { $0 & 0o400 != 0 ? $0 : nil }
    }
  }
}

private let delimiters: [String: UInt8] = [
  ",": UInt8(ascii: ","), "\t": UInt8(ascii: "\t"), "\\t": UInt8(ascii: "\t"), ";": UInt8(ascii: ";"),
  "|": UInt8(ascii: "|"), ":": UInt8(ascii: ":"),
]

extension Kind where T == UInt8 {
  static var delimiter: Kind<UInt8> { .scalar(#"one of "," "\t" ";" "|" ":""#) { delimiters[$0] } }
}

extension Kind where T == UInt8? {
  static var delimiterOrAuto: Kind<UInt8?> {
    .scalar(#"auto or one of "," "\t" ";" "|" ":""#, words: ["auto"]) { text in
      text == "auto" ? .some(nil) : delimiters[text].map { .some($0) }
    }
  }
  /// The NUL character is what Adobe's exports use for "no quotes"; any other NUL in the text is refused.
  static var quote: Kind<UInt8?> {
    .scalar(#"one of "\"", "\0" and none"#, words: ["none"]) { text in
      switch text {
      case "none": .some(nil)
      case "\"": .some(UInt8(ascii: "\""))
      case "\0", "\\0": .some(0)
      default: nil
      }
    }
  }
}

extension Kind where T == Int? {
  static var rowChange: Kind<Int?> {
    .scalar("off, or a share such as 50%, of at most 1000%", words: ["off"]) { text in
      text == "off" ? .some(nil) : Quantities.percent(text).map { .some($0) }
    }
  }
}

extension Kind where T == Character? {
  static var replacement: Kind<Character?> {
    .scalar("one character, or \"\"") { text in
      if text.isEmpty { return .some(nil) }
      guard Text.isLine(text), text.unicodeScalars.count == 1, let first = text.first else { return nil }
      return .some(first)
    }
  }
}
