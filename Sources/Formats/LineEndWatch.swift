import CScan

/// Where a line end may be another than it should be, in masks: all ones or none.
struct LineEndWatch {
  /// Where the other byte stands alone, or before an end; where an end stands alone.
  private let alone, before, unpaired: UInt64

  init(_ lineEnd: TableRules.LineEnd) {
    (alone, before, unpaired) =
      switch lineEnd {
      case .auto: (~0, 0, 0)
      case .lf: (0, ~0, 0)
      case .crlf: (0, 0, ~0)
      case .cr: (~0, ~0, 0)
      }
  }

  /// Of a full block; what depends on its neighbours is told as odd.
  @inline(__always)
  func odd(in block: cs_marks, outside: UInt64) -> UInt64 {
    let others = block.others & outside
    guard others | unpaired != 0 else { return 0 }
    let ends = block.ends >> 1
    return others & (alone & ~ends | before & (ends | 1 << 63))
      | block.ends & outside & unpaired & ~(block.others << 1)
  }
}

extension TableRules.LineEnd {
  /// Why a line's end is refused.
  var complaint: String {
    switch self {
    case .auto:
      "A CR that is no part of a CRLF ends the line here; set format.line_end: cr, or lf where it belongs to a value"
    case .lf: "The line does not end in LF alone, as format.line_end says"
    case .crlf: "The line does not end in CRLF, as format.line_end says"
    case .cr: "A LF stands outside of quotes, and format.line_end is cr"
    }
  }
}
