import Core

/// The digest of a table's text, whatever it was packed, encrypted or encoded in: without its byte order mark. Two files with one such
/// digest are one audience.
struct TextHasher {
  private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]
  private var hasher = DigestHasher()
  /// The first bytes, until there are as many as a mark has.
  private var head: [UInt8]? = []

  mutating func update(_ text: UnsafeRawBufferPointer) {
    guard var first = head else { return hasher.update(text) }
    let part = text.prefix(Self.mark.count - first.count)
    first.append(contentsOf: part)
    head = first
    guard first.count == Self.mark.count else { return }
    begin(first)
    hasher.update(UnsafeRawBufferPointer(rebasing: text.dropFirst(part.count)))
  }

  mutating func finish() -> Digest {
    if let head { begin(head) }
    return hasher.finish()
  }

  private mutating func begin(_ first: [UInt8]) {
    head = nil
    if first != Self.mark { first.withUnsafeBytes { hasher.update($0) } }
  }
}
