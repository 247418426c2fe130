import Core
import Files
import Formats
public import SystemPackage

/// The columns of one file, as lines for the configuration.
public enum FileColumns {
  /// - Parameter separator: between the keys of a path, in the name that it gets.
  /// - Throws: `Failure`.
  public static func lines(of path: FilePath, separator: String) throws -> [String] {
    do throws(FileFault) {
      let file = try LinuxFiles().open(path)
      var rules = JSONRules()
      rules.gathers = true
      var objects = JSONInspector(rules: rules, hashes: false)
      // Nothing but the header is of interest.
      var table = TableInspector(rules: TableRules(), hashes: false)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 4_096)
      defer { buffer.deallocate() }
      var offset: UInt64 = 0
      while true {
        let count = try file.read(into: buffer, at: offset)
        if count == 0 { break }
        let piece = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        objects.feed(piece)
        table.feed(piece)
        offset += UInt64(count)
        if objects.isDecided, table.isDecided || offset > Limits.headBytes { break }
      }
      return try lines(objects.finish(), table.finish(), path, separator)
    } catch {
      throw Failure(.usage, error.description)
    }
  }

  private static func lines(
    _ objects: Inspection, _ table: Inspection, _ path: FilePath, _ separator: String
  ) throws(FileFault) -> [String] {
    let isJSON = !objects.paths.isEmpty
    if isJSON, objects.reasons.isEmpty {
      let columns = FoundColumns.columns(objects.paths, separator: separator)
      return ["rewrite:", "  columns:"]
        + columns.map { "    \(quoted($0.name)): \(quoted($0.path.description))" }
    }
    if !isJSON, let header = table.header {
      return ["require:", "  columns:"] + header.map { "    - \(quoted($0))" }
    }
    let reason = (isJSON ? objects : table).reasons.first
    let row = reason?.row.map { " (row \($0))" } ?? ""
    throw FileFault(
      .damaged, "Cannot tell the columns of", at: path,
      why: (reason?.message ?? "it holds neither a header nor objects of JSON") + row)
  }

  /// As YAML takes it for this text, whatever it holds.
  private static func quoted(_ text: String) -> String {
    let isPlain =
      text.first.map { $0.isASCII && $0.isLetter || $0 == "_" } ?? false
      && text.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || ($0 >= 0x30 && $0 <= 0x39) || "._-@".utf8.contains($0)
      }
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "auto"]
    if isPlain, !words.contains(text.lowercased()) { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}", "\u{feff}":
        quoted += "\\u" + String(String(scalar.value + 0x10000, radix: 16).suffix(4))
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
