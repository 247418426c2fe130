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
      if let header = try header(of: file) {
        return ["require:", "  columns:"] + header.map { "    - \(quoted($0))" }
      }
      let found = try objects(in: file)
      guard found.reasons.isEmpty else {
        let row = found.reasons[0].row.map { " (row \($0))" } ?? ""
        throw FileFault(.damaged, "Cannot tell the columns of", at: path, why: found.reasons[0].message + row)
      }
      let columns = FoundColumns.columns(found.paths, separator: separator)
      return ["rewrite:", "  columns:"] + columns.map { "    \(quoted($0.name)): \(quoted($0.path.description))" }
    } catch {
      throw Failure(.usage, error.description)
    }
  }

  /// Its first bytes have it, however long the file is. Nil: it is no table.
  private static func header(of file: any ReadableFile) throws(FileFault) -> [String]? {
    let head = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 4_096)
    defer { head.deallocate() }
    var table = TableInspector(rules: TableRules(), hashes: false)
    table.feed(UnsafeRawBufferPointer(rebasing: head[..<(try file.read(into: head, at: 0))]))
    return table.finish().header
  }

  /// Of all of it: a path may come in the last line.
  private static func objects(in file: any ReadableFile) throws(FileFault) -> Inspection {
    var rules = JSONRules()
    rules.gathers = true
    var objects = JSONInspector(rules: rules, hashes: false)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 4_096)
    defer { buffer.deallocate() }
    var offset: UInt64 = 0
    while !objects.isDecided {
      let count = try file.read(into: buffer, at: offset)
      if count == 0 { break }
      objects.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += UInt64(count)
    }
    return objects.finish()
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
