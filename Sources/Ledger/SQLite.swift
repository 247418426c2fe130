import CSQLite
import Core
import SystemPackage

/// What SQLite stores. Unsigned numbers of the kernel travel as the same 64 bits.
enum Value: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
  case int(Int64)
  case text(String)
  case null

  init(integerLiteral value: Int64) { self = .int(value) }
  init(stringLiteral value: String) { self = .text(value) }
  init(nilLiteral: ()) { self = .null }
  init(_ value: Int) { self = .int(Int64(value)) }
  init(_ value: UInt64) { self = .int(Int64(bitPattern: value)) }
  init(_ value: Timestamp) { self = .int(value.nanoseconds) }
  init(_ value: some CustomStringConvertible) { self = .text(value.description) }
  init(_ value: Int?) { self = value.map { .int(Int64($0)) } ?? .null }
  init(_ value: UInt64?) { self = value.map { .int(Int64(bitPattern: $0)) } ?? .null }
  init(_ value: Int64?) { self = value.map { .int($0) } ?? .null }
  init(_ value: Timestamp?) { self = value.map { .int($0.nanoseconds) } ?? .null }
  init(_ value: (some CustomStringConvertible)?) { self = value.map { .text($0.description) } ?? .null }
}

extension Ledger {
  /// Of SQLite, as this host has it: `3.40.1`.
  public static var libraryVersion: String { String(cString: sqlite3_libversion()) }
}

/// One connection. Statements are prepared once and kept.
final class Connection {
  private let handle: OpaquePointer
  private let path: String
  private var statements: [String: OpaquePointer] = [:]

  enum Mode {
    case writing
    /// What is there, to read only.
    case reading
    /// The same of a file that nobody writes and whose folder is another's: nothing is locked, and nothing is made beside it.
    case atRest
  }

  init(path: String, mode: Mode) throws(LedgerFault) {
    var opened: OpaquePointer?
    var (name, flags) = (path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX)
    switch mode {
    case .writing: flags |= SQLITE_OPEN_CREATE
    case .reading: break
    case .atRest:
      flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI
      let escaped = path.replacing("%", with: "%25").replacing("?", with: "%3f").replacing("#", with: "%23")
      name = "file:\(escaped)?immutable=1"
    }
    let code = sqlite3_open_v2(name, &opened, flags, nil)
    guard code == SQLITE_OK, let opened else {
      let fault = Connection.fault(code, opened, doing: "open", path)
      sqlite3_close_v2(opened)
      throw fault
    }
    handle = opened
    self.path = path
    sqlite3_busy_timeout(handle, 5_000)
    sqlite3_extended_result_codes(handle, 1)
  }

  deinit {
    for statement in statements.values { sqlite3_finalize(statement) }
    sqlite3_close_v2(handle)
  }

  /// One statement that returns nothing.
  func run(_ sql: String, _ values: [Value] = []) throws(LedgerFault) {
    try rows(sql, values) { _ in }
  }

  /// Runs the statement and gives each row; a row is valid only inside `each`.
  func rows(_ sql: String, _ values: [Value] = [], _ each: (Row) -> Void) throws(LedgerFault) {
    let statement = try prepared(sql)
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    for (index, value) in values.enumerated() {
      let place = Int32(index + 1)
      let code =
        switch value {
        case .int(let number): sqlite3_bind_int64(statement, place, number)
        case .text(let text): cs_bind_text(statement, place, text, Int32(text.utf8.count))
        case .null: sqlite3_bind_null(statement, place)
        }
      guard code == SQLITE_OK else { throw Connection.fault(code, handle, doing: "bind", path) }
    }
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { return }
      guard code == SQLITE_ROW else { throw Connection.fault(code, handle, doing: "use", path) }
      each(Row(statement: statement))
    }
  }

  /// Several statements without values, for the schema.
  func script(_ sql: String) throws(LedgerFault) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw Connection.fault(code, handle, doing: "use", path) }
  }

  /// All that was asked so far.
  var prepared: [String] { statements.keys.sorted() }

  private func prepared(_ sql: String) throws(LedgerFault) -> OpaquePointer {
    if let known = statements[sql] { return known }
    var made: OpaquePointer?
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
    guard code == SQLITE_OK, let made else { throw Connection.fault(code, handle, doing: "use", path) }
    statements[sql] = made
    return made
  }

  /// The one place that maps SQLite's codes.
  private static func fault(_ code: Int32, _ handle: OpaquePointer?, doing verb: String, _ path: String) -> LedgerFault
  {
    let kind: LedgerKind =
      switch code & 0xff {
      case SQLITE_CORRUPT, SQLITE_NOTADB: .damaged
      case SQLITE_BUSY, SQLITE_LOCKED: .busy
      case SQLITE_FULL: .full
      case SQLITE_PERM, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_AUTH: .denied
      default: .io
      }
    let remedy: String? =
      switch kind {
      case .damaged: "Stop the agent and run `navette rebuild`"
      case .denied: "The user of the agent must own the state folder"
      case .full: "Free space on the file system of the state folder"
      default: nil
      }
    let why = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
    return LedgerFault(kind, "Cannot \(verb) the ledger", at: path, why: "\(why) (SQLite \(code))", remedy: remedy)
  }
}

/// One row of a result, columns from 0.
struct Row {
  fileprivate let statement: OpaquePointer

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
  func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(statement, column)) }
  func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }
  func uint64(_ column: Int32) -> UInt64 { UInt64(bitPattern: int64(column)) }
  func time(_ column: Int32) -> Timestamp { Timestamp(nanoseconds: int64(column)) }
  func optionalTime(_ column: Int32) -> Timestamp? { isNull(column) ? nil : time(column) }
  func optionalInt(_ column: Int32) -> Int? { isNull(column) ? nil : int(column) }
  func text(_ column: Int32) -> String {
    guard let bytes = sqlite3_column_text(statement, column) else { return "" }
    return String(cString: bytes)
  }
  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
}

extension Connection {
  func hasTable(_ name: String) throws(LedgerFault) -> Bool {
    var isThere = false
    try rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [.text(name)]) { _ in
      isThere = true
    }
    return isThere
  }
}
