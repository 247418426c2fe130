import Core
import Files
import SystemPackage

/// What rotation makes of a log's name: `opens.csv.1`, `opens.csv.2.gz`, `opens.csv-20260312`, `opens-20260312.csv`, `mta_2.log`.
enum RotatedName {
  private static let separators: Set<UInt8> = [
    UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
  ]
  private static let foreign = [".lzma", ".lz4", ".Z", ".zip"].map { Array($0.utf8) }

  /// Packed in a way that we cannot read. What of such a log was unread is read from where it lay before.
  static func isForeign(_ name: FileName) -> Bool {
    foreign.contains { name.bytes.count > $0.count && name.bytes.suffix($0.count).elementsEqual($0) }
  }

  /// The names that the log may have had before it was rotated; none where this is no rotated name.
  static func originals(of name: FileName) -> [FileName] {
    var bytes = name.bytes[...]
    let packing = Packing(name)
    if let packing { bytes = bytes.dropLast(packing.suffix.count) }
    var found: [FileName] = packing == nil ? [] : [FileName(bytes: bytes)]
    if let stem = untagged(bytes) { found.append(FileName(bytes: stem)) }
    // The tag before the extension.
    if let dot = bytes.lastIndex(of: UInt8(ascii: ".")), dot > bytes.startIndex, let stem = untagged(bytes[..<dot]) {
      found.append(FileName(bytes: Array(stem) + Array(bytes[dot...])))
    }
    return found
  }

  /// Without `.1`, `-20260312`, `_2`, `-20260312-0600`, `.2026-03-12T06`. Nil where there is no such tag.
  private static func untagged(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var end = bytes.endIndex
    var hasDigit = false
    // The longest tag counts: `-2026-03-12` is one.
    var found: ArraySlice<UInt8>?
    while end > bytes.startIndex {
      let byte = bytes[end - 1]
      if (48...57).contains(byte) {
        hasDigit = true
      } else if separators.contains(byte) {
        guard hasDigit, end - 1 > bytes.startIndex else { break }
        // What stands behind this separator begins with a digit.
        guard end < bytes.endIndex, (48...57).contains(bytes[end]) else { break }
        found = bytes[..<(end - 1)]
      } else if byte != UInt8(ascii: "T") && byte != UInt8(ascii: "Z") || !hasDigit && byte != UInt8(ascii: "Z") {
        break
      }
      end -= 1
    }
    return found
  }

  /// Whether both may be names of one log over time.
  static func areKin(_ a: FilePath, _ b: FilePath) -> Bool { Kinship().areKin(a, b) }
}

/// Which paths may be of one log over time: by their names, in one folder or in one into which logs are rotated.
struct Kinship {
  var olddirs: Set<FilePath> = []

  func areKin(_ a: FilePath, _ b: FilePath) -> Bool {
    guard a.parent == b.parent || olddirs.contains(a.parent) || olddirs.contains(b.parent),
      let a = a.name, let b = b.name
    else { return false }
    return !Set(RotatedName.originals(of: a) + [a]).isDisjoint(
      with: RotatedName.originals(of: b) + [b])
  }
}
