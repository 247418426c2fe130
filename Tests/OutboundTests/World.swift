import Config
import Core
import Files
import Formats
import Journal
import Ledger
import Spool
import Store
import SystemPackage
import TestKit
import Threads

@testable import Outbound

/// What a test says is wrong.
struct Broken: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Keeps events for a test to look at.
final class EventBook: EventSink {
  private let events = Locked<[Event]>([])
  func record(_ event: Event) { events.withLock { $0.append(event) } }
  var kinds: [EventKind] { events.withLock { $0.map(\.kind) } }
  func all(_ kind: EventKind) -> [Event] { events.withLock { $0.filter { $0.kind == kind } } }
}

/// A stream's worker on any disk, with a store in memory and a clock that a test moves.
final class World: Sendable {
  static let start = Timestamp(.init(year: 2026, month: 3, day: 12, hour: 6))

  let files: any Files
  let ledger: Ledger
  let store: SimStore
  let second: SimStore
  let events = EventBook()
  let settings: Settings
  private let elapsed = Locked(Duration.zero)

  init(
    _ files: any Files, root: FilePath = "/state", logs: [String] = ["/logs/*.csv"], stores: [String] = ["shelf"],
    ledgerGate: @escaping Ledger.GateForTests = { (_) throws(LedgerFault) in },
    storeGate: @escaping SimStore.Gate = { (_) throws(StoreFault) in }, ledger: Ledger? = nil,
    change: (inout Settings) -> Void = { _ in }
  ) throws {
    self.files = files
    self.ledger = try ledger ?? Ledger(path: nil, gateForTests: ledgerGate)
    store = SimStore(files: files, gate: storeGate)
    second = SimStore(files: files, gate: storeGate)
    var settings = Settings()
    settings.state = root
    settings.host = "acc"
    settings.limits.minFree = 0
    guard let name = StreamName("opens") else { throw Broken("no name") }
    var stream = StreamSettings(name: name, logs: logs, stores: stores.compactMap { StoreName($0) })
    stream.key = "{stream}/{seq}.csv.gz"
    settings.streams = [stream]
    change(&settings)
    self.settings = settings
  }

  var now: Moment {
    let elapsed = elapsed.withLock { $0 }
    return Moment(wall: Self.start + elapsed, uptime: .seconds(1_000) + elapsed)
  }

  func wait(_ duration: Duration) { elapsed.withLock { $0 += duration } }

  func makeEngine(_ number: Int = 0, shared: StreamsShared? = nil, suspects: Suspects = .none) -> StreamWorker {
    StreamWorker(
      settings.streams[number], of: settings, shared: shared ?? StreamsShared(settings), files: files, ledger: ledger,
      events: events, suspects: suspects, random: SteadyNumbers())
  }

  /// Passes, with their transfers, until three in a row have nothing to send.
  func settle(_ engine: inout StreamWorker, flush: Bool = false, passes: Int = 40, every: Duration = .seconds(20))
    async throws
  {
    var quiet = 0
    for _ in 0..<passes where quiet < 3 {
      let uploads = try await pass(&engine, flush: flush)
      quiet = uploads == 0 ? quiet + 1 : 0
      wait(every)
    }
  }

  /// Several streams in turns, until three rounds have nothing to send.
  func settle(_ engines: inout [StreamWorker], every: Duration = .seconds(20)) async throws {
    var quiet = 0
    for _ in 0..<60 where quiet < 3 {
      var uploads = 0
      for index in engines.indices { uploads += try await pass(&engines[index], flush: true) }
      quiet = uploads == 0 ? quiet + 1 : 0
      wait(every)
    }
  }

  /// - Returns: how many transfers it made.
  private func pass(_ engine: inout StreamWorker, flush: Bool) async throws -> Int {
    if flush { engine.flush() }
    let pass = try engine.pass(at: now)
    for upload in pass.uploads {
      let store = upload.store.text == "second" ? second : store
      let result: Result<Receipt, StoreFault>
      do throws(StoreFault) {
        result = .success(try await store.create(upload.file, at: upload.key))
      } catch {
        result = .failure(error)
      }
      engine.ended(upload, at: now.uptime)
      try engine.note(UploadOutcome(upload: upload, result: result, took: .zero), at: now)
    }
    return pass.uploads.count
  }

  /// The text of all objects of a store in key order, each without its header.
  func sent(header: String = "id,text", in store: SimStore? = nil, below prefix: String = "") throws -> String {
    var all = ""
    let store = store ?? self.store
    for key in store.keys where key.hasPrefix(prefix) && !key.hasSuffix(".json") {
      let text = try gunzip(store.bytes(at: key) ?? [])
      guard text.hasPrefix(header + "\n") else {
        throw Broken("\(key) does not begin with the header: \(text.prefix(40))")
      }
      all += text.dropFirst(header.count + 1)
    }
    return all
  }

  func places(_ place: BatchPlace) throws -> [String] {
    try Spool<BatchPlace>(root: StateFolder(settings.state).stream(settings.streams[0].name), files: files).entries(
      in: place)
  }
}

func gunzip(_ packed: [UInt8]) throws -> String {
  var text: [UInt8] = []
  var inflater = Inflater()
  try packed.withUnsafeBufferPointer { (all) throws(GzipFault) in
    try inflater.write(UnsafeRawBufferPointer(all)) { piece in
      text.append(contentsOf: piece)
      return true
    }
  }
  try inflater.finish()
  return String(decoding: text, as: UTF8.self)
}
