import CCurl
import Core

/// What a server tells of a file or folder; each of it may be missing.
struct SFTPAttributes: Hashable, Sendable {
  enum Kind: Hashable { case file, folder, other }

  var size: UInt64?
  /// With the bits of the kind, where the server sends them.
  var mode: UInt32?
  /// To the second.
  var modified: Timestamp?

  /// Nil where the server does not tell.
  var kind: Kind? {
    switch (mode ?? 0) & 0o170000 {
    case 0: nil
    case 0o100000: .file
    case 0o040000: .folder
    default: .other
    }
  }

  /// Version 3 of the protocol has 32 bits for a time.
  private static let latest: UInt64 = 1 << 32

  init(size: UInt64? = nil, mode: UInt32? = nil, seconds: UInt64? = nil) {
    (self.size, self.mode) = (size, mode)
    modified = seconds.flatMap { $0 < Self.latest ? Timestamp(seconds: Int64($0)) : nil }
  }

  /// Nil where nothing was told.
  init?(_ told: cc_attributes) {
    guard told.is_known != 0 else { return nil }
    self.init(
      size: told.has_size != 0 ? told.size : nil,
      mode: told.has_mode != 0 ? UInt32(truncatingIfNeeded: told.mode) : nil,
      seconds: told.has_time != 0 ? UInt64(told.modified) : nil)
  }
}

/// An entry of a folder.
struct SFTPEntry: Hashable {
  var name: FileName
  var attributes: SFTPAttributes

  /// Of a line as `cc_files_begin` has them written: `SIZE MODE TIME NAME`. Nil where it is something else.
  init?(_ line: ArraySlice<UInt8>) {
    let blank = UInt8(ascii: " ")
    let words = line.split(separator: blank, maxSplits: 3, omittingEmptySubsequences: false)
    guard words.count == 4 else { return nil }
    func number(_ word: ArraySlice<UInt8>) -> UInt64?? {
      if word.elementsEqual([UInt8(ascii: "-")]) { return .some(nil) }
      return UInt64(String(decoding: word, as: UTF8.self)).map { .some($0) }
    }
    guard let size = number(words[0]), let mode = number(words[1]), let seconds = number(words[2]),
      let name = Self.unescaped(words[3])
    else { return nil }
    self.name = name
    attributes = SFTPAttributes(size: size, mode: mode.map { UInt32(truncatingIfNeeded: $0) }, seconds: seconds)
  }

  /// A name alone, from a library that tells no more.
  init(nameAlone name: FileName) { (self.name, attributes) = (name, SFTPAttributes()) }

  /// The bytes need not be text.
  private static func unescaped(_ text: ArraySlice<UInt8>) -> FileName? {
    var bytes: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let decoded = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)) else {
        return nil
      }
      bytes += decoded
      rest = rest.dropFirst(2)
    }
    return FileName(bytes: bytes)
  }

  /// Whether a file or folder can have this name.
  var isSound: Bool {
    !name.bytes.isEmpty && name.bytes.count <= Limits.nameBytes && !name.bytes.contains(0)
      && !name.bytes.contains(UInt8(ascii: "/"))
  }
}

/// What a server says that lies in a folder. It is a claim: names may come twice, or be none.
struct SFTPFolder: Hashable {
  /// Each name once, without the folder itself and the one above.
  private(set) var entries: [SFTPEntry] = []
  /// Entries whose names can be none, or have come before.
  private(set) var unsound = 0

  init() {}

  /// Nil where a line cannot be read, since half a list must not pass for a list; and where there are more than anybody can want.
  init?(_ body: [UInt8], withAttributes: Bool) {
    var names: Set<FileName> = []
    var rest = body[...]
    var count = 0
    // Line by line: a large folder's list is not kept twice.
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest[line.endIndex...].dropFirst()
      if line.isEmpty { continue }
      count += 1
      guard count <= Limits.folderNames,
        let entry = withAttributes ? SFTPEntry(line) : SFTPEntry(nameAlone: FileName(bytes: line))
      else { return nil }
      if entry.name.bytes == [46] || entry.name.bytes == [46, 46] { continue }
      if entry.isSound, names.insert(entry.name).inserted { entries.append(entry) } else { unsound += 1 }
    }
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
