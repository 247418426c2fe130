/// Who asks for something, and why: kept in the ledger, or beside what was asked.
public struct Requester: Hashable, Sendable, Codable {
  public let name: String
  public let reason: String

  public init(_ name: String, reason: String) { (self.name, self.reason) = (name, reason) }
}
