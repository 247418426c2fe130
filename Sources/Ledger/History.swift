public import Core

/// One line of what happened to a drop or a batch, for `navette show`.
public struct HistoryLine: Hashable, Sendable, Codable {
  public let at: Timestamp
  public let event: String
  public let detail: String
}

/// What happened to drops and batches, line by line.
public struct HistoryTable: LedgerTable {
  public let transaction: Transaction
  public init(in transaction: Transaction) { self.transaction = transaction }
}

extension HistoryTable {
  /// - Parameters:
  ///   - subject: a drop's or a batch's id.
  ///   - event: the event's name.
  ///   - detail: one line for people; no row, address or secret.
  public func note(
    _ subject: some CustomStringConvertible, _ event: String, _ detail: String, at time: Timestamp
  ) throws(LedgerFault) {
    try connection.run(
      "INSERT INTO history (at, subject, event, detail) VALUES (?, ?, ?, ?)",
      [Value(time), .text(subject.description), .text(event), .text(detail)])
    try transaction.totals.count(event, of: subject.description, at: time)
  }

  public func lines(of subject: some CustomStringConvertible) throws(LedgerFault) -> [HistoryLine] {
    var lines: [HistoryLine] = []
    try connection.rows(
      "SELECT at, event, detail FROM history WHERE subject = ? ORDER BY number", [.text(subject.description)]
    ) { lines.append(HistoryLine(at: $0.time(0), event: $0.text(1), detail: $0.text(2))) }
    return lines
  }

  /// When something was last noted of a drop or a batch; nil: nothing yet.
  public func lastTime() throws(LedgerFault) -> Timestamp? {
    var last: Timestamp?
    try connection.rows("SELECT at FROM history ORDER BY number DESC LIMIT 1") { last = $0.time(0) }
    return last
  }
}
