import Core

/// One line of a folder's listing.
struct SFTPEntry: Hashable {
  enum Kind: Hashable { case file, folder, other }
  var name: String
  var size: UInt64
  var kind: Kind
  /// To the minute, or to the day where it is months old; nil where the line tells none that we can read.
  var modified: Timestamp?

  /// Of what `ls -l` would show, as drafts of the protocol recommend it and servers send it; libcurl gives no more than this line.
  /// Nil where it is something else.
  /// - Parameter now: the year that a time without one belongs to is the last in which it is not ahead.
  init?(_ line: Substring, now: Timestamp) {
    var rest = line
    var words: [Substring] = []
    while words.count < 8 {
      rest = rest.drop { $0 == " " }
      let word = rest.prefix { $0 != " " }
      guard !word.isEmpty else { return nil }
      words.append(word)
      rest = rest.dropFirst(word.count)
    }
    // One blank stands before the name; what follows may begin with more of them.
    guard rest.hasPrefix(" "), rest.count > 1, let size = UInt64(words[4]) else { return nil }
    name = String(rest.dropFirst())
    self.size = size
    modified = Self.time(words[5], words[6], words[7], now)
    switch words[0].first {
    case "-": kind = .file
    case "d": kind = .folder
    default: kind = .other
    }
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// `Mar 12 06:05` or `Mar 12 2026`. The server's zone is not known; that matters to nobody, since it does not change.
  private static func time(_ month: Substring, _ day: Substring, _ rest: Substring, _ now: Timestamp) -> Timestamp? {
    guard let month = months.firstIndex(of: String(month)).map({ $0 + 1 }), let day = Int(day), (1...31).contains(day)
    else { return nil }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    func time(_ year: Int, _ clock: Substring) -> Timestamp? {
      Timestamp(text: "\(year)-\(two(month))-\(two(day))T\(clock):00Z")
    }
    if let year = Int(rest), (1970...9999).contains(year) { return time(year, "00:00") }
    guard rest.count == 5, let year = Int(now.date.prefix(4)) else { return nil }
    // A server's clock, or its zone, may be a day ahead of ours.
    guard let guess = time(year, rest), guess < now + .seconds(2 * 86_400) else { return time(year - 1, rest) }
    return guess
  }

  /// Nil where a line cannot be read: half a list must not pass for a list; and where there are more than anybody can want.
  static func all(_ body: [UInt8], now: Timestamp) -> [SFTPEntry]? {
    var entries: [SFTPEntry] = []
    var rest = body[...]
    // Line by line: a large folder's list is not kept twice.
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest[line.endIndex...].dropFirst()
      if line.isEmpty { continue }
      guard let entry = SFTPEntry(Substring(decoding: line, as: UTF8.self), now: now),
        entries.count < Limits.folderNames
      else { return nil }
      if entry.name != ".", entry.name != ".." { entries.append(entry) }
    }
    return entries
  }
}

/// The answer to libcurl's `statvfs` command.
struct SFTPSpace: Hashable {
  /// Bytes that the user may still write.
  var free: UInt64
  var freeFiles: UInt64

  init?(_ answer: AnswerHeaders) {
    var values: [Substring: UInt64] = [:]
    for line in (answer["statvfs"] ?? "").split(separator: "\n") {
      let parts = line.split(separator: ":")
      if parts.count == 2 { values[parts[0]] = UInt64(trimmed(parts[1])) }
    }
    guard let blocks = values["f_bavail"], let size = values["f_frsize"] ?? values["f_bsize"] else { return nil }
    free = blocks *| size
    // File systems without a bound say 0 of 0.
    freeFiles = values["f_files"] == 0 ? .max : values["f_favail"] ?? .max
  }
}
