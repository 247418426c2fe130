import Config
import Core
import Files
import Ledger
import Spool
import Store
import SystemPackage
import Threads

/// Whether a store holds batches that this state folder does not know of.
///
/// A batch is in the state folder, durably, before any store is offered it. A store that holds later numbers, and not as the folder
/// knows them, got them from a later state of it: the folder came back from a backup or a snapshot, and what its logs hold may have been
/// sent already. Folders of other machines that happen to write under the same names are told apart: theirs are other keys
/// for numbers that we know.
struct RollbackCheck: Sendable {
  /// Under which the stream's keys of this host lie, as far as can be said: since the day of its last batch.
  let prefixes: [String]
  /// The last number that the store has confirmed, as far as the folder knows.
  let last: Int

  private let template: KeyTemplate
  let stream: StreamName
  private let host: String
  private var next = Int.max
  private var newest = 0
  private var isShared = false

  /// - Parameters:
  ///   - sealed: when the last batch was; nil where nobody knows.
  ///   - isMarked: batches under another header have keys of their own.
  init(
    _ settings: StreamSettings, _ template: KeyTemplate, host: String, last: Int, sealed: Timestamp?,
    isMarked: Bool = false, at now: Timestamp
  ) {
    self.template = template
    self.stream = settings.name
    self.host = host
    self.last = last
    // A column may name any day.
    let since = settings.partitionBy.isEmpty ? sealed.map { $0 - .seconds(86_400) } : nil
    let days = since.map { Self.days(from: $0, to: now) } ?? []
    let prefixes = template.prefixes(
      stream: settings.name, host: host, days: days.count > Limits.daysListed ? [] : days)
    guard isMarked else {
      self.prefixes = prefixes
      return
    }
    // Batches under another header lie beside them, whatever their day.
    let first = template.prefixes(stream: settings.name, host: host, days: []).first ?? ""
    let marked = first.firstIndex(of: "/").map { "\(first[..<$0])_s" } ?? (settings.key.contains("/") ? first : "s")
    // What begins like one of them would be listed twice.
    self.prefixes = prefixes.filter { !$0.hasPrefix(marked) } + [marked]
  }

  /// - Parameter known: the key that the folder knows for a number.
  mutating func see(_ key: String, known: (Int) throws(LedgerFault) -> String?) throws(LedgerFault) {
    guard
      let number = template.sequence(in: key, stream: stream, host: host)
        ?? template.sequence(in: KeyMark.stripped(key), stream: stream, host: host)
    else { return }
    let ours = try known(number)
    if ours == key { return }
    if number > last {
      next = min(next, number)
      newest = max(newest, number)
    } else if ours != nil {
      isShared = true
    }
  }

  /// The store's listing, compared with the ledger as it comes.
  func compared(with store: any StoreReader, _ ledger: Ledger) async throws -> RollbackCheck {
    let seen = Locked(self)
    let stream = stream
    for prefix in prefixes {
      try await store.list(prefix) { page in
        try seen.withLock { age in
          for object in page {
            try age.see(object.key) { (number) throws(LedgerFault) in
              try ledger.read { (t) throws(LedgerFault) in
                try t.batches.find(BatchID(stream: stream, sequence: number))?.key
              }
            }
          }
        }
      }
    }
    return seen.withLock { $0 }
  }

  /// The last number that the store holds of a later state of this folder; nil: the folder is as new as the store.
  var newer: Int? { !isShared && newest > last && next - last <= Limits.longestGap ? newest : nil }

  func fault(_ store: StoreName) -> LedgerFault {
    LedgerFault(
      .older, "The state folder is older than what stream \(stream) has sent to store", at: store.text,
      why: "it knows of \(counted(last, "batch")), the store holds number \(newest)",
      remedy:
        "It came back from a backup or a snapshot. If no other agent uses the newer one and the logs hold nothing that was sent since, start once with `navette run --adopt`, then see `navette verify`"
    )
  }

  private static func days(from first: Timestamp, to last: Timestamp) -> [String] {
    guard first <= last else { return [last.date] }
    let count = Int((last - first).components.seconds / 86_400) + 1
    guard count <= Limits.daysListed else { return Array(repeating: "", count: count) }
    // One more: the last day may have begun since.
    return (0...count).map { (first + .seconds(86_400 * Int64($0))).date }
  }
}

/// `numbers.json` in a stream's folder: what came of an `--adopt`.
struct SequenceFloor: Hashable, Sendable, Codable, CheckedPlan {
  static let fileName: FileName = "numbers.json"

  var schema = 1
  /// Numbers up to this one were given by a state that is lost.
  var last = 0
  /// A person said that an older state may go on: what a store holds beyond it is taken for given.
  var isAdopted = false

  var complaint: String? {
    (0...BatchID.lastSequence).contains(last) ? nil : "no batch has the number \(last)"
  }

  static func read(of stream: StreamName, _ state: StateFolder, _ files: any Files) throws(FileFault) -> SequenceFloor {
    let path = state.stream(stream).appending(fileName)
    guard try files.info(path) != nil else { return SequenceFloor() }
    return try files.readPlan(SequenceFloor.self, at: path)
  }

  /// Durable on return.
  func write(of stream: StreamName, _ state: StateFolder, _ files: any Files) throws(FileFault) {
    let folder = state.stream(stream)
    try files.ensureDirectory(folder)
    try files.writePlan(self, to: folder.appending(Self.fileName))
    try files.sync([folder.appending(Self.fileName), folder, state.streams, state.root])
  }
}
