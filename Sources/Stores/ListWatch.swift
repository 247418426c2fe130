import Core
import Crypto

/// Sees to it that a list of pages ends, whatever the service sends. Of each page two digests are kept: keys and marks may be long, and
/// two that differ must never be taken for one, or the list would end early.
struct ListWatch {
  private var tokens: Set<Core.Digest> = []
  private var firsts: Set<Core.Digest> = []
  private var pages = 0

  /// Once for each page. - Returns: why the list leads nowhere; nil where it may go on.
  /// - Parameters:
  ///   - token: for the page after this one; nil: this is the last.
  ///   - first: the first key on this page.
  mutating func complaint(token: String?, first: String?) -> String? {
    pages += 1
    if let token, !tokens.insert(Self.digest(token)).inserted {
      return "it has no end: the same mark for the next page came twice"
    }
    if let first, !firsts.insert(Self.digest(first)).inserted {
      return "it has no end: the same page came twice"
    }
    return token != nil && pages >= Limits.listPages ? "it has more than \(Limits.listPages) pages" : nil
  }

  private static func digest(_ text: String) -> Core.Digest {
    var (hash, text) = (SHA256(), text)
    text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
    return Core.Digest(hash.finalize())
  }
}

/// As a list tells it; nil where it is longer than any service's: then it is as if the service told none.
func listedTag(_ text: String) -> String? {
  let tag = unquoted(text)
  return tag.utf8.count <= Limits.keyBytes ? tag : nil
}
