public import Core

/// Paths as columns: their keys joined by a sign make the name.
public enum FoundColumns {
  public static func columns(_ paths: [ValuePath], separator: String) -> [PathColumn] {
    paths.map { path in
      PathColumn(path.keys.map { String(decoding: $0, as: UTF8.self) }.joined(separator: separator), path)
    }
  }

  /// Two paths make one name: the place of the second, from 0. Names are compared as bytes.
  public static func clash(in columns: [PathColumn]) -> Int? {
    var seen: Set<[UInt8]> = []
    return columns.firstIndex { !seen.insert(Array($0.name.utf8)).inserted }
  }
}
