import CScan

/// Where a byte may be an escape, or a quote that quotes nothing, in masks: all ones or none.
struct EscapeWatch {
  private let backslashes, apostrophes: UInt64
  /// NUL quotes, and no value may hold it: one behind another is looked at.
  let doubled: UInt64

  init(_ escapes: [QuoteEscape], quotesByNUL: Bool) {
    doubled = quotesByNUL ? ~0 : 0
    backslashes = escapes.contains(.backslash) ? ~0 : 0
    apostrophes = escapes.contains(.apostrophe) ? ~0 : 0
  }

  /// Of a full block: those before a quote or before themselves, and the last byte.
  @inline(__always)
  func odd(in block: cs_marks) -> UInt64 {
    let (one, other) = (block.backslashes & backslashes, block.apostrophes & apostrophes)
    return one & ((block.quotes | one) >> 1 | 1 << 63) | other & ((block.quotes | other) >> 1 | 1 << 63)
  }
}
