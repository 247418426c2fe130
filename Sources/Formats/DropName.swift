public import Core

/// What the name of an audience file tells: AEP's `<destination>_segment<id>_<time>[_<part>].<extensions>`, in the
/// spellings its documentation shows (destinations guide, "activate batch profile destinations"; Destination SDK,
/// "batch configuration").
///
/// A time comes as `yyyymmddhhmmss`, `MMDDYYYY_HHMMSS`, `YYYYMMDD_HHMMSS` or ten digits of Unix seconds, in UTC. Parts
/// after the first carry `_2`, `_3`, … behind it; no part says how many there are.
public struct DropName: Hashable, Sendable {
  /// Without part number and extensions: all parts of one export share it.
  public let set: FileName
  /// 1 where the name carries no number.
  public let part: Int
  /// What stands before the segment's id, where there is one.
  public let destination: String?
  /// The audience's id: a UUID in lower case.
  public let segment: String?
  public let exportedAt: Timestamp?
  /// Lower case, in order: `csv`, `gz`.
  public let extensions: [String]

  /// Endings that say how a file is written or packed; others belong to the name.
  private static let known: Set<String> = [
    "csv", "tsv", "txt", "json", "parquet", "gz", "gzip", "bz2", "zip", "gpg", "pgp",
  ]
  public init(_ name: FileName) {
    let (stem, extensions) = Self.split(name)
    self.extensions = extensions
    var pieces = stem.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
    if pieces.count > 1, let last = pieces.last, let number = Self.partNumber(last) {
      part = number
      pieces.removeLast()
    } else {
      part = 1
    }
    set = FileName(bytes: pieces.joined(separator: [UInt8(ascii: "_")]))
    exportedAt = Self.time(pieces)
    var destination: String?
    var segment: String?
    for (index, piece) in pieces.enumerated() {
      guard let id = Self.segmentID(piece) else { continue }
      segment = id
      let before = Array(pieces[..<index].joined(separator: [UInt8(ascii: "_")]))
      destination = before.isEmpty ? nil : String(validating: before, as: UTF8.self)
      break
    }
    self.destination = destination
    self.segment = segment
  }

  /// Whether the name says that AEP made it: it carries an audience's id or a time.
  public var isExport: Bool { segment != nil || exportedAt != nil }

  /// `x.csv` and 3 for `x_3.csv`; nil where the name carries no part number.
  public static func sequel(_ name: FileName) -> (first: FileName, part: Int)? {
    let (stem, _) = split(name)
    guard let mark = stem.lastIndex(of: UInt8(ascii: "_")), mark > stem.startIndex,
      let part = partNumber(stem[(mark + 1)...])
    else { return nil }
    return (FileName(bytes: stem[..<mark] + name.bytes[stem.endIndex...]), part)
  }

  /// Whether digits stand before the suffix, as those of a date do.
  public static func endsInNumber(_ name: FileName) -> Bool {
    split(name).stem.last.map { (48...57).contains($0) } ?? false
  }

  /// `x_3.csv` for `x.csv` and 3; `x.csv` itself for 1.
  public static func part(_ number: Int, of first: FileName) -> FileName {
    guard number > 1 else { return first }
    let (stem, _) = split(first)
    return FileName(bytes: stem + Array("_\(number)".utf8) + first.bytes[stem.endIndex...])
  }

  /// Three digits at most are never a time's `HHMMSS`.
  private static func partNumber(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.count <= 3, digits.first != UInt8(ascii: "0"), let number = number(digits),
      (2...Limits.lastPart).contains(number)
    else { return nil }
    return number
  }

  private static func split(_ name: FileName) -> (stem: ArraySlice<UInt8>, extensions: [String]) {
    var stem = name.bytes[...]
    var extensions: [String] = []
    while let dot = stem.lastIndex(of: UInt8(ascii: ".")), dot > stem.startIndex {
      let ending = String(decoding: stem[(dot + 1)...], as: UTF8.self).lowercased()
      guard known.contains(ending) else { break }
      extensions.insert(ending, at: 0)
      stem = stem[..<dot]
    }
    return (stem, extensions)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty, digits.count <= 14, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
  }

  /// `segment<uuid>` or the UUID alone.
  private static func segmentID(_ piece: ArraySlice<UInt8>) -> String? {
    let text = String(decoding: piece, as: UTF8.self).lowercased()
    let id = text.hasPrefix("segment") ? text.dropFirst("segment".count) : text[...]
    let groups = id.split(separator: "-", omittingEmptySubsequences: false)
    guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12],
      groups.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) } })
    else { return nil }
    return String(id)
  }

  /// The last piece that is a time, as names may go on behind it.
  private static func time(_ pieces: [ArraySlice<UInt8>]) -> Timestamp? {
    for index in pieces.indices.reversed() {
      guard let number = number(pieces[index]) else { continue }
      switch pieces[index].count {
      case 14:
        if let time = moment(day: number / 1_000_000, clock: number % 1_000_000) { return time }
      case 10:
        // Of this century, as the others.
        if (1_000_000_000..<4_102_444_800).contains(number) { return Timestamp(seconds: Int64(number)) }
      case 8:
        let next = index + 1
        guard next < pieces.endIndex, pieces[next].count == 6, let clock = Self.number(pieces[next]) else { continue }
        if let time = moment(day: number, clock: clock) { return time }
        // MMDDYYYY: never a date of this century when read the other way, since no month is the 20th.
        if let time = moment(day: number % 10_000 * 10_000 + number / 10_000, clock: clock) { return time }
      default: continue
      }
    }
    return nil
  }

  /// `yyyymmdd` of this century and `hhmmss`.
  private static func moment(day: Int, clock: Int) -> Timestamp? {
    let fields = Timestamp.Fields(
      year: day / 10_000, month: day / 100 % 100, day: day % 100, hour: clock / 10_000, minute: clock / 100 % 100,
      second: clock % 100)
    guard (2000...2099).contains(fields.year), (1...12).contains(fields.month), (1...31).contains(fields.day) else {
      return nil
    }
    let time = Timestamp(fields)
    return time.fields == fields ? time : nil
  }
}
