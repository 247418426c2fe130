public import Core

/// What the rows of a stream become, and what they must be.
public struct RowSettings: Hashable, Sendable {
  /// Whether rows that AEP would refuse go aside.
  public var check = Check.auto
  /// Of a row that is sent.
  public var maxBytes = 10_000
  /// Columns as they are called in what is sent; none of the name, nothing is looked at.
  public var id = "_id"
  public var timestamp = "timestamp"
  /// So many ids are remembered.
  public var idWindow = 200_000
  /// What stands for them in values; nil: they stay.
  public var backslash: String?
  public var lineBreak: String?
  /// More bad rows than this in one batch, and the stream waits for a person; nil: it never does.
  public var rejects: FeedSettings.Rejects?
  public var shape: ShapeRules?

  /// `auto`: in streams that send to a store of AEP.
  public enum Check: String, Hashable, Sendable, CaseIterable { case auto, on, off }

  public init() {}
}

extension StreamSettings {
  /// Whether rows that AEP would refuse go aside.
  public var checksRows: Bool { rows.check == .on || rows.check == .auto && isForAEP }
}
