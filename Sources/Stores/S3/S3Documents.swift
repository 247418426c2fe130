import Core

/// `<Error>`: what S3 says when it refuses, and sometimes after it has already answered 200.
struct S3Error: Hashable {
  var code = ""
  var message = ""
  /// The region that the bucket is really in, where S3 tells it.
  var region: String?

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
        case ["ListBucketResult", "Contents"]: entries.append(entry)
        case ["ListBucketResult", "Contents", "Key"]: entry.key = text
        case ["ListBucketResult", "Contents", "Size"]:
          guard let size = UInt64(trimmed(text)) else { return nil }
          entry.size = size
        case ["ListBucketResult", "Contents", "ETag"]: entry.tag = unquoted(text)
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

/// An ETag without its quotes.
func unquoted(_ tag: String) -> String {
  var text = trimmed(tag)
  if text.hasPrefix("W/") { text.removeFirst(2) }
  if text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = String(text.dropFirst().dropLast()) }
  return text
}
