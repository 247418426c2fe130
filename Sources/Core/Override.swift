/// `override.json`: a person decided that a drop is handed over all the same. One that people write by hand needs neither `by` nor
/// `reason`: that it is there is what counts.
public struct Override: Hashable, Sendable, Codable {
  public var by: String?
  public var reason: String?
  public var at: Timestamp?
  /// The findings that were known then, and that pass. Nil: whatever the checks find.
  public var passes: [Reason.Code]?
  /// Whether drops that come later are compared with this one. Nil: it is an exception.
  public var baseline: Bool?

  public init(
    by: String? = nil, reason: String? = nil, at: Timestamp? = nil, passes: [Reason.Code]? = nil, baseline: Bool? = nil
  ) {
    (self.by, self.reason, self.at, self.passes, self.baseline) = (by, reason, at, passes, baseline)
  }

  public func lets(_ code: Reason.Code) -> Bool { !code.isLasting && passes?.contains(code) ?? true }
}
