import Core

/// `<Error>`: what S3 says when it refuses, and sometimes after it has already answered 200.
struct S3Error: Hashable {
  var code = ""
  var message = ""
  /// The region that the bucket is really in, where S3 tells it.
  var region: String?
  /// Where the bucket is to be asked instead.
  var endpoint: String?

  /// Nil where the body is no error document. A damaged one counts as far as it goes.
  init?(_ body: [UInt8]) {
    var reader = XMLReader(body)
    var path: [String] = []
    var isError = false
    while let event = reader.next() {
      switch event {
      case .open(let name):
        path.append(name)
        if path == ["Error"] { isError = true }
      case .close: path.removeLast()
      case .text(let text):
        switch path {
        case ["Error", "Code"]: code += text
        case ["Error", "Message"]: message += text
        case ["Error", "Region"]: region = (region ?? "") + text
        case ["Error", "Endpoint"]: endpoint = (endpoint ?? "") + text
        default: break
        }
      }
    }
    guard isError else { return nil }
    code = trimmed(code)
  }
}

/// `<ListBucketResult>`: one page of a listing.
struct S3Page: Hashable {
  struct Entry: Hashable {
    var key = ""
    var size: UInt64 = 0
    var tag: String?
    var modified: Timestamp?
  }

  var entries: [Entry] = []
  /// For the next page; nil at the last.
  var continuation: String?

  /// Nil where the document is damaged, cut short or another one: half a page must not pass for a page.
  init?(_ body: [UInt8]) {
    var reader = XMLReader(body)
    var path: [String] = []
    var entry = Entry()
    var text = ""
    var isTruncated = false
    while let event = reader.next() {
      switch event {
      case .open(let name):
        path.append(name)
        text = ""
        if path == ["ListBucketResult", "Contents"] { entry = Entry() }
      case .text(let more): text += more
      case .close:
        switch path {
        case ["ListBucketResult", "Contents"]:
          guard entries.count < Limits.pageObjects else { return nil }
          entries.append(entry)
        case ["ListBucketResult", "Contents", "Key"]: entry.key = text
        case ["ListBucketResult", "Contents", "Size"]:
          guard let size = UInt64(trimmed(text)) else { return nil }
          entry.size = size
        case ["ListBucketResult", "Contents", "ETag"]: entry.tag = listedTag(text)
        case ["ListBucketResult", "Contents", "LastModified"]: entry.modified = Timestamp(text: trimmed(text))
        case ["ListBucketResult", "IsTruncated"]: isTruncated = trimmed(text) == "true"
        case ["ListBucketResult", "NextContinuationToken"]: continuation = text
        case ["ListBucketResult"]: break
        default: if path.first != "ListBucketResult" { return nil }
        }
        path.removeLast()
        text = ""
      }
    }
    guard !reader.isDamaged else { return nil }
    if !isTruncated { continuation = nil }
    if isTruncated, continuation == nil || entries.contains(where: \.key.isEmpty) { return nil }
  }
}

/// A document of fields, and of rows which have fields: what S3 answers about uploads of parts, and STS about keys.
struct XMLTable {
  private(set) var fields: [String: String] = [:]
  private(set) var rows: [[String: String]] = []

  /// Nil where the document is damaged, cut short or another one.
  /// - Parameters:
  ///   - path: the elements from the root down to the one that holds the fields.
  ///   - row: the name of its children that are rows.
  init?(_ body: [UInt8], at path: [String], row: String = "") {
    var reader = XMLReader(body)
    var here: [String] = []
    var (text, isThere) = ("", false)
    while let event = reader.next() {
      switch event {
      case .open(let name):
        here.append(name)
        text = ""
        if here == path { isThere = true }
        if here == path + [row] { rows.append([:]) }
      case .text(let more): text += more
      case .close(let name):
        if here == path + [name], name != row { fields[name] = text }
        if here == path + [row, name], !rows.isEmpty { rows[rows.count - 1][name] = text }
        here.removeLast()
        text = ""
      }
    }
    guard isThere, !reader.isDamaged else { return nil }
  }
}

/// An ETag without its quotes.
func unquoted(_ tag: String) -> String {
  var text = trimmed(tag)
  if text.hasPrefix("W/") { text.removeFirst(2) }
  if text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = String(text.dropFirst().dropLast()) }
  return text
}
