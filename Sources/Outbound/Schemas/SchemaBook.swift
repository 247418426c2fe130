import Core
import Files
import Ledger
import Spool
import Store
import SystemPackage

/// `schemas.json` in a stream's folder: under which headers its batches were sealed, where those of each go, and which of them wait for a person.
/// It lies beside the places, so that a ledger made anew changes nothing.
struct SchemaBook: Hashable, Sendable, Codable, CheckedPlan {
  static let fileName: FileName = "schemas.json"

  struct Entry: Hashable, Sendable, Codable {
    /// Digest of the header line.
    let header: Digest
    /// Nil where they are not known: sealed by an older version.
    let columns: [String]?
    /// In the first folder of its keys; empty: the keys are those of the settings.
    let mark: String
    let since: Timestamp
    /// Its batches lie in `held` until a person releases them.
    var isWaiting: Bool
  }

  var schema = 1
  /// In the order in which they came.
  var entries: [Entry] = []

  var complaint: String? {
    if schema != 1 { return "it is of schema \(schema), and this navette knows 1" }
    if Set(entries.map(\.header)).count != entries.count { return "one header stands there twice" }
    let bad = entries.first { !$0.mark.isEmpty && StoreKey($0.mark) == nil }
    return bad == nil ? nil : "the mark of a header can be no part of a key"
  }

  func entry(of header: Digest) -> Entry? { entries.first { $0.header == header } }

  /// The one that is most like it, of those that go somewhere: the one that it takes the place of.
  func nearest(to columns: [String]) -> Entry? {
    let names = Set(columns)
    return entries.filter { !$0.isWaiting }.reversed().max { one, two in
      names.intersection(one.columns ?? []).count < names.intersection(two.columns ?? []).count
    }
  }

  mutating func add(_ entry: Entry) {
    entries.append(entry)
    if entries.count > Limits.schemasKept, let oldest = entries.firstIndex(where: { !$0.isWaiting && !$0.mark.isEmpty })
    {
      entries.remove(at: oldest)
    }
  }

  static func read(of stream: FilePath, _ files: any Files) throws(FileFault) -> SchemaBook? {
    let path = stream.appending(fileName)
    guard try files.info(path) != nil else { return nil }
    return try files.readPlan(SchemaBook.self, at: path)
  }

  /// Durable on return.
  func write(to stream: FilePath, _ files: any Files) throws(FileFault) {
    let path = stream.appending(Self.fileName)
    try files.writePlan(self, to: path)
    try files.sync([path, stream])
  }
}

/// What a header has that the one before had not, for people.
struct SchemaDifference: Hashable {
  let text: String

  /// - Parameter before: nil where its columns are not known.
  init(from before: [String]?, to after: [String]) {
    guard let before else {
      text = "\(counted(after.count, "column")), and those before are not known: they were sealed by an older version"
      return
    }
    let added = after.enumerated().filter { !before.contains($0.element) }
    let gone = before.enumerated().filter { !after.contains($0.element) }
    // Where hardly anything is alike, the first line may be no header but somebody's data.
    let areNames = added.count * 2 <= after.count || gone.count * 2 <= before.count
    var parts: [String] = []
    if !added.isEmpty { parts.append("new: " + Self.list(added, areNames)) }
    if !gone.isEmpty { parts.append("gone: " + Self.list(gone, areNames)) }
    text =
      parts.isEmpty ? "the same columns in another order, or written in another way" : parts.joined(separator: "; ")
  }

  private static func list(_ columns: [(offset: Int, element: String)], _ areNames: Bool) -> String {
    let words = columns.prefix(Limits.columnsTold).map { index, name in
      areNames && ColumnText.isPlain(name) ? name : "column \(index + 1)"
    }
    let more = columns.count - words.count
    return words.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
  }
}

/// Whether a name of a column may be shown: what has the form of a name is hardly a value.
enum ColumnText {
  static func isPlain(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= Limits.nameBytes, !(48...57).contains(first) else {
      return false
    }
    return name.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 0x5f
    }
  }
}
