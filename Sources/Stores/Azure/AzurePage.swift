import Core

/// `<EnumerationResults>`: one page of a listing.
struct AzurePage: Hashable {
  struct Entry: Hashable {
    var name = ""
    var size: UInt64 = 0
    var tag: String?
    var modified: Timestamp?
    /// A folder of an account with hierarchical names.
    var isFolder = false
  }

  var entries: [Entry] = []
  /// For the next page; nil at the last.
  var marker: String?

  /// Nil where the document is damaged, cut short or another one: half a page must not pass for a page.
  init?(_ body: [UInt8]) {
    var reader = XMLReader(body)
    var path: [String] = []
    var entry = Entry()
    var text = ""
    while let event = reader.next() {
      switch event {
      case .open(let name):
        path.append(name)
        text = ""
        if path == ["EnumerationResults", "Blobs", "Blob"] { entry = Entry() }
      case .text(let more): text += more
      case .close:
        guard path.first == "EnumerationResults" else { return nil }
        if path == ["EnumerationResults", "NextMarker"], !text.isEmpty { marker = text }
        if path.starts(with: ["EnumerationResults", "Blobs", "Blob"]) {
          guard AzurePage.take(path.dropFirst(3), text, into: &entry) else { return nil }
          guard entries.count < Limits.pageObjects else { return nil }
          if path.count == 3, !entry.isFolder { entries.append(entry) }
        }
        path.removeLast()
        text = ""
      }
    }
    guard !reader.isDamaged, !entries.contains(where: \.name.isEmpty) else { return nil }
  }

  private static func take(_ path: ArraySlice<String>, _ text: String, into entry: inout Entry) -> Bool {
    switch Array(path) {
    case ["Name"]: entry.name = text
    case ["Properties", "Content-Length"]:
      guard let size = UInt64(trimmed(text)) else { return false }
      entry.size = size
    case ["Properties", "Etag"]: entry.tag = listedTag(text)
    case ["Properties", "Last-Modified"]: entry.modified = HTTPDate.parse(trimmed(text))
    case ["Properties", "ResourceType"]: entry.isFolder = trimmed(text) == "directory"
    default: break
    }
    return true
  }
}
