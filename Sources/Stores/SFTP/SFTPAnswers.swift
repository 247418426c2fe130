import Core

/// One line of a folder's listing.
struct SFTPEntry: Hashable {
  enum Kind: Hashable { case file, folder, other }
  var name: String
  var size: UInt64
  var kind: Kind

  /// Of what `ls -l` would show, as drafts of the protocol recommend it and servers send it; libcurl gives no more than this line.
  /// Nil where it is something else.
  init?(_ line: Substring) {
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
    switch words[0].first {
    case "-": kind = .file
    case "d": kind = .folder
    default: kind = .other
    }
  }

  /// Nil where a line cannot be read: half a list must not pass for a list.
  static func all(_ body: [UInt8]) -> [SFTPEntry]? {
    var entries: [SFTPEntry] = []
    for line in String(decoding: body, as: UTF8.self).split(separator: "\n") {
      guard let entry = SFTPEntry(line) else { return nil }
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
    free = blocks.multipliedReportingOverflow(by: size).overflow ? .max : blocks * size
    // File systems without a bound say 0 of 0.
    freeFiles = values["f_files"] == 0 ? .max : values["f_favail"] ?? .max
  }
}
