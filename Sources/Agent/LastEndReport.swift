import Core
import Files
import Journal

extension StatusReport {
  /// How the agent's last life ended; while one runs, how the one before it did.
  public struct LastEnd: Sendable, Encodable {
    /// `stopped`, `failed`, `crashed` or `interrupted`.
    public let how: String
    public let at: String
    /// False: it ended after `at`, and nobody knows when.
    public let isExact: Bool
    @OrNull public internal(set) var exitStatus: Int32?
    @OrNull public internal(set) var signal: String?
    /// One word: the signal, or what systemd says.
    @OrNull public internal(set) var reason: String?
    public let pid: Int32
    public let version: String
    /// What the thread that crashed had in hand; of an interrupted one, the first few of all.
    public let inHand: [Item]
    @OrNull public internal(set) var serviceResult: String?
    /// For people.
    public let words: String
    public let isClean: Bool

    public struct Item: Sendable, Encodable {
      public let lane: String
      public let step: String
      @OrNull public internal(set) var item: String?
      @OrNull public internal(set) var store: String?
    }

    enum CodingKeys: String, CodingKey {
      case how, at, isExact = "exact", exitStatus = "exit_status", signal, reason, pid, version, inHand = "in_hand"
      case serviceResult = "service_result"
    }

    init(_ end: LifeEnd) {
      (how, at, isExact, isClean) = (end.how.rawValue, end.at.iso(), end.isExact, end.isClean)
      exitStatus = end.isClean ? end.code : nil
      signal = end.how == .crashed ? end.reason : nil
      reason = end.isClean ? nil : end.reason
      (pid, version) = (end.pid, end.program)
      inHand = end.works.map {
        Item(
          lane: $0.lane.shown, step: $0.step.name, item: $0.item == .none ? nil : $0.item.text, store: $0.store?.text)
      }
      serviceResult = end.word?.result
      words = Privacy.masked(end.words)
    }
  }
}
