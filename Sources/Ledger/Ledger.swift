import CSQLite
public import Core
public import SystemPackage
import Threads

/// The memory of the agent: identities, cursors, attempts, receipts. One connection behind one lock; one writing process.
///
/// What `transact` returned from is durable: the journal is WAL with `synchronous = FULL`.
public final class Ledger: Sendable {
  /// Called with a name before and after each transaction; what it throws, the transaction throws. For tests of crashes.
  public typealias GateForTests = @Sendable (String) throws(LedgerFault) -> Void

  private let connection: Locked<Connection>
  private let gate: GateForTests

  /// Opens for writing, makes what is missing and brings an older schema up to date.
  /// - Parameter path: nil keeps everything in memory.
  /// - Throws: `.damaged` where the file is no ledger, `.newer` where a later version of navette made it.
  public init(path: FilePath?, gateForTests gate: @escaping GateForTests = { (_) throws(LedgerFault) in })
    throws(LedgerFault)
  {
    let place = path?.string ?? ":memory:"
    let made = try Connection(path: place, mode: .writing)
    try Ledger.prepare(made, place)
    connection = Locked(made)
    self.gate = gate
  }

  /// Opens a ledger that is there, to look at.
  ///
  /// SQLite wants to make two files beside a ledger that nobody has open. Whoever may only read cannot, and need not: a ledger without
  /// a `-wal` is whole and at rest.
  /// - Parameter isAtRest: whether there is no `-wal`.
  public init(reading path: FilePath, isAtRest: () -> Bool = { false }) throws(LedgerFault) {
    do throws(LedgerFault) {
      connection = Locked(try Ledger.reader(path, immutable: false))
    } catch {
      guard error.kind == .denied, isAtRest() else { throw error }
      connection = Locked(try Ledger.reader(path, immutable: true))
    }
    gate = { (_) throws(LedgerFault) in }
  }

  private static func reader(_ path: FilePath, immutable: Bool) throws(LedgerFault) -> sending Connection {
    let made = try Connection(path: path.string, mode: immutable ? .atRest : .reading)
    try refuseStrict(try version(made), sqlite3_libversion_number(), path.string)
    try made.run("PRAGMA query_only = ON")
    try Ledger.refuseNewer(made, path.string)
    return made
  }

  /// All that `body` does is done together or not at all.
  public func transact<R: Sendable>(
    _ name: String, _ body: (Transaction) throws(LedgerFault) -> R
  ) throws(LedgerFault) -> R {
    try gate(name)
    let result = try connection.withLock { (connection) throws(LedgerFault) -> R in
      try connection.run("BEGIN IMMEDIATE")
      do throws(LedgerFault) {
        let result = try body(Transaction(connection: connection))
        try connection.run("COMMIT")
        return result
      } catch {
        try? connection.run("ROLLBACK")
        throw error
      }
    }
    try gate(name)
    return result
  }

  /// Reads a consistent picture. `body` must not write.
  public func read<R: Sendable>(_ body: (Transaction) throws(LedgerFault) -> R) throws(LedgerFault) -> R {
    try connection.withLock { (connection) throws(LedgerFault) -> R in
      try connection.run("BEGIN")
      defer { try? connection.run("COMMIT") }
      return try body(Transaction(connection: connection))
    }
  }

  /// One question: `ledger.read(BatchTable.totals(of:), stream)`. A closure would have to say what it throws (decision 0034).
  public func read<Table: LedgerTable, each Value, R: Sendable>(
    _ question: (Table) -> (repeat each Value) throws(LedgerFault) -> R, _ values: repeat each Value
  ) throws(LedgerFault) -> R {
    try read { (t) throws(LedgerFault) in try question(Table(in: t))(repeat each values) }
  }

  /// One change, in the same form.
  public func transact<Table: LedgerTable, each Value, R: Sendable>(
    _ name: String, _ change: (Table) -> (repeat each Value) throws(LedgerFault) -> R,
    _ values: repeat each Value
  ) throws(LedgerFault) -> R {
    try transact(name) { (t) throws(LedgerFault) in try change(Table(in: t))(repeat each values) }
  }

  /// A damaged page is found now, not in the middle of a pass.
  public func check() throws(LedgerFault) {
    let verdict = try read { (t) throws(LedgerFault) in
      var verdict = ""
      try t.connection.rows("PRAGMA quick_check(1)") { verdict = $0.text(0) }
      return verdict
    }
    guard verdict == "ok" else { throw LedgerFault(.damaged, "The ledger is damaged:", at: verdict) }
  }

  /// For tests: the value of a pragma, which proves what is in force.
  public func pragmaForTests(_ name: String) throws(LedgerFault) -> String {
    try connection.withLock { (connection) throws(LedgerFault) -> String in
      var value = ""
      try connection.rows("PRAGMA \(name)") { value = $0.text(0) }
      return value
    }
  }

  private static func prepare(_ connection: Connection, _ place: String) throws(LedgerFault) {
    // First of all, since nothing else can be asked of a ledger whose tables this SQLite does not understand.
    try refuseStrict(try version(connection), sqlite3_libversion_number(), place)
    try connection.script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
    try refuseNewer(connection, place)
    let before = try version(connection)
    let steps = Schema.steps(from: before)
    for (index, step) in steps.enumerated() {
      let reached = Schema.version - (steps.count - 1 - index)
      try connection.script("BEGIN IMMEDIATE; \(step) PRAGMA user_version = \(reached); COMMIT;")
    }
  }

  private static func version(_ connection: Connection) throws(LedgerFault) -> Int {
    var version = 0
    try connection.rows("PRAGMA user_version") { version = $0.int(0) }
    return version
  }

  /// A ledger of an earlier version has strict tables, which an SQLite before 3.37 takes for damage. It is whole: were it made anew, what
  /// it alone knows would be forgotten, and records be sent twice.
  static func refuseStrict(_ version: Int, _ library: Int32, _ place: String) throws(LedgerFault) {
    guard (1...EarlierSchema.steps.count).contains(version), library < 3_037_000 else { return }
    throw LedgerFault(
      .newer, "Cannot use the ledger", at: place,
      why: "an earlier navette made it with an SQLite of 3.37 or later, and this host has \(libraryVersion)",
      remedy:
        "Run this navette once with the state folder on a host with a later SQLite, as Debian 12: that copies the ledger"
    )
  }

  private static func refuseNewer(_ connection: Connection, _ place: String) throws(LedgerFault) {
    let version = try version(connection)
    guard version <= Schema.version else {
      throw LedgerFault(
        .newer, "Cannot use the ledger", at: place,
        why: "its version is \(version), this navette knows \(Schema.version)",
        remedy: "Run the newer navette that made it")
    }
  }
}

/// What can be asked and said inside a transaction, by what it is of. Valid only within `transact` or `read`.
public struct Transaction {
  let connection: Connection

  public var drops: DropTable { DropTable(in: self) }
  public var pulls: PullTable { PullTable(in: self) }
  public var expectations: ExpectationTable { ExpectationTable(in: self) }
  public var sources: SourceTable { SourceTable(in: self) }
  public var batches: BatchTable { BatchTable(in: self) }
  public var deliveries: DeliveryTable { DeliveryTable(in: self) }
  public var history: HistoryTable { HistoryTable(in: self) }
  public var totals: TotalTable { TotalTable(in: self) }
}

/// The questions and changes of one noun. Valid as long as the transaction.
public protocol LedgerTable {
  var transaction: Transaction { get }
  init(in transaction: Transaction)
}

extension LedgerTable {
  var connection: Connection { transaction.connection }
}
