/// A row that is not as it must be, without anything of what it holds.
public struct BadRow: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
    case columns = 1, tooLong, type, null, length, duplicate
    /// Of lines of JSON.
    case json, repeatedKey, missingKey
  }

  public let kind: Kind
  /// From 1, the header not counted.
  public let row: Int
  /// In which the row begins, from 1; 0: not known.
  public let line: Int
  /// From 1; 0: of the whole row.
  public let column: Int

  public init(_ kind: Kind, row: Int, line: Int, column: Int = 0) {
    (self.kind, self.row, self.line, self.column) = (kind, row, line, column)
  }
}

/// Who is told of the rows of a table, one after another.
///
/// It cannot fail: whoever feeds the reader asks the sink for its fault.
public protocol RowSink: AnyObject {
  /// Once for each bad row, in the order of the file.
  func isBad(_ row: BadRow)
  /// Of each row that is good so far and has a key.
  func has(_ key: RowKey, row: Int)
}

extension BadRow.Kind {
  init(_ fault: CellFault) {
    self =
      switch fault {
      case .type: .type
      case .null: .null
      case .length: .length
      }
  }
}
