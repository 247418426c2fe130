import Core
import Crypto
import Store

/// Sees to it that a list of pages ends, whatever the service sends. Of each page two digests are kept: keys and marks may be long, and
/// two that differ must never be taken for one, or the list would end early.
struct ListWatch {
  private var tokens: Set<Core.Digest> = []
  private var firsts: Set<Core.Digest> = []
  private var pages = 0
  private var emptyPages = 0
  /// Names that were not asked for.
  private(set) var foreign = 0

  /// Once for each page. - Returns: why the list leads nowhere; nil where it may go on.
  /// - Parameters:
  ///   - token: for the page after this one; nil: this is the last.
  ///   - first: the first key on this page.
  ///   - wanted: how many of its names were asked for.
  mutating func complaint(token: String?, first: String?, count: Int, wanted: Int) -> String? {
    pages += 1
    foreign += count - wanted
    emptyPages = wanted == 0 ? emptyPages + 1 : 0
    if let token, !tokens.insert(Self.digest(token)).inserted {
      return "it has no end: the same mark for the next page came twice"
    }
    if let first, !firsts.insert(Self.digest(first)).inserted {
      return "it has no end: the same page came twice"
    }
    if token != nil, emptyPages >= Limits.emptyListPages {
      let names =
        foreign == 0 ? "any name" : "a name that was asked for; \(counted(UInt64(foreign), "name")) begin otherwise"
      return "it has no end: \(emptyPages) pages in a row without \(names)"
    }
    return token != nil && pages >= Limits.listPages ? "it has more than \(Limits.listPages) pages" : nil
  }

  /// What was passed over, once the list is through; nil: nothing.
  func passedOver(of prefix: String, _ what: String, at place: String, service: String) -> BarredFolder? {
    guard foreign > 0 else { return nil }
    return BarredFolder(
      key: prefix,
      fault: StoreFault(
        .wrongPlace, what, at: place,
        why: "\(counted(UInt64(foreign), "name")) in the list do not begin as was asked for, and were passed over",
        remedy: "Check that the endpoint speaks \(service): a list must keep to its prefix"))
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
