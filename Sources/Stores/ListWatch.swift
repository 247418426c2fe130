import Core

/// Sees to it that a list of pages ends, whatever the service sends: of each page a hash or two is kept.
struct ListWatch {
  private enum Mark: Hashable { case token(String), first(String) }
  private var seen: Set<Int> = []
  private var pages = 0

  /// Once for each page. - Returns: why the list leads nowhere; nil where it may go on.
  /// - Parameters:
  ///   - token: for the page after this one; nil: this is the last.
  ///   - first: the first key on this page.
  mutating func complaint(token: String?, first: String?) -> String? {
    pages += 1
    if let token, !seen.insert(Mark.token(token).hashValue).inserted {
      return "it has no end: the same mark for the next page came twice"
    }
    if let first, !seen.insert(Mark.first(first).hashValue).inserted {
      return "it has no end: the same page came twice"
    }
    return token != nil && pages >= Limits.listPages ? "it has more than \(Limits.listPages) pages" : nil
  }
}

/// As a list tells it; nil where it is longer than any service's: then it is as if the service told none.
func listedTag(_ text: String) -> String? {
  let tag = unquoted(text)
  return tag.utf8.count <= Limits.keyBytes ? tag : nil
}
