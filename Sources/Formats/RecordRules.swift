/// What a row must be to be sent, where somebody asks for it.
public struct RecordRules: Hashable, Sendable {
  /// Of a row, its line end left out.
  public var maxBytes: Int
  /// The column that tells rows apart, as it is called in what is sent; empty: none.
  public var id: String
  /// The column with the time of the event, likewise.
  public var timestamp: String
  public init(maxBytes: Int, id: String, timestamp: String) {
    (self.maxBytes, self.id, self.timestamp) = (maxBytes, id, timestamp)
  }
}

/// What stands for bytes in values that AEP has no rule for; nil: they stay.
public struct ValueReplacement: Hashable, Sendable {
  public var backslash: String?
  public var lineBreak: String?
  public init() {}
  public var isEmpty: Bool { backslash == nil && lineBreak == nil }
}
