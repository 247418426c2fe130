import Config
import Core
import Files
import Journal
import Lanes
import Ledger
import Spool
import Store
import SystemPackage

/// What can fail by itself while the stream goes on.
enum StreamItem: Hashable, Sendable {
  /// Of logs.
  case folder(FilePath)
  case log(FilePath)
  case batch(BatchID)

  /// As people know it; masked where it may hold an address.
  var shown: String {
    switch self {
    case .folder(let path): "The folder \(path.shown)"
    case .log(let path): path.name?.masked ?? path.shown
    case .batch(let id): "Batch \(id)"
    }
  }
}

/// Trouble of the stream's own: until when it waits, and why.
struct StreamPause {
  let until: Duration
  let attempt: Int
  let said: String
  let since: Timestamp
}

/// What all steps of one pass share: what they work with, the instant, what waits, and what is left to the lane.
///
/// A step says of each item: done, waits (its own fault, nothing else is kept from going on) or set aside. It throws only for the
/// stream's own trouble, the ledger's, and where the agent stops.
struct StreamPass {
  let context: StreamContext
  let now: Moment
  /// Logs, folders and batches that cannot be worked on for a reason of their own.
  var waits: ItemWaits<StreamItem>
  var pause: StreamPause?
  var summary: StreamSummary

  init(_ context: StreamContext, at now: Moment, waits: ItemWaits<StreamItem>, pause: StreamPause?) {
    self.context = context
    self.now = now
    self.waits = waits
    self.pause = pause
    summary = StreamSummary(next: now.uptime + Limits.logPoll)
  }

  var settings: StreamSettings { context.settings }
  var spool: Spool<BatchPlace> { context.spool }
  var name: StreamName { context.settings.name }
  var files: any Files { context.files }
  var ledger: Ledger { context.ledger }
  var events: any EventSink { context.events }
  var hands: Hands { context.hands }
  var suspects: Suspects { context.suspects }
  var shared: StreamsShared { context.shared }
  var contents: LogContents { context.contents }

  // MARK: - Items

  /// One item's step. Its own fault makes it wait, and nothing else.
  /// - Throws: faults of the ledger, and what says nothing of the item.
  mutating func each<Result>(
    _ item: StreamItem, _ body: (inout StreamPass) throws -> Result
  ) throws -> ItemOutcome<Result> {
    if waits.isPostponed(item, at: now.uptime) { return waiting(item) }
    do {
      return .done(try body(&self))
    } catch let fault as FileFault {
      try bear(fault, of: item)
      return waiting(item)
    }
  }

  func waiting<Result>(_ item: StreamItem) -> ItemOutcome<Result> {
    let wait = waits.waits[item]
    return .waits(until: wait?.until ?? now.uptime, why: wait?.reason ?? "")
  }

  /// - Throws: what says nothing of the item; and what a disk may give the next time, so that the records of several logs stay in order.
  mutating func bear(_ fault: FileFault, of item: StreamItem) throws(FileFault) {
    if fault.kind == .exhausted { throw fault }
    if fault.kind == .io, !waits.isPersistent(item) {
      _ = waits.postpone(item, fault, at: now)
      throw fault
    }
    postpone(item, fault)
  }

  mutating func postpone(_ item: StreamItem, _ fault: FileFault) {
    guard waits.postpone(item, fault, at: now) else { return }
    let path: FilePath
    switch item {
    case .folder(let folder): path = folder
    case .log(let log): path = log
    case .batch(let id):
      path = spool.path(.ready, id)
      // Told when it is set aside; but what keeps it waiting may be something else, as a log of its records.
      if fault.isBelow(path) { return }
    }
    report(
      .logWaiting, "\(item.shown) of stream \(name) waits: \(fault)",
      [.path: path.shown, .reason: "\(fault.kind)"])
  }

  // MARK: - The whole stream

  /// The stream's own trouble makes it wait. - Returns: false where the agent is stopping.
  mutating func attempt(_ work: (inout StreamPass) throws -> Void) throws(LedgerFault) -> Bool {
    do {
      try hands.holding(Work(.stream(name), .pass)) { try work(&self) }
    } catch let fault as FileFault {
      pause(for: fault)
    } catch let fault as LedgerFault {
      throw fault
    } catch is Interrupted {
      return false
    } catch {
      preconditionFailure("a fault of an unknown kind: \(error)")
    }
    return true
  }

  mutating func pause(for fault: FileFault) {
    let attempt = (pause?.attempt ?? 0) + 1
    let delay = Backoff.lane.delay(attempt: attempt, random: context.random())
    if pause?.said != fault.description {
      report(
        fault.kind == .full ? .diskLow : .lanePaused, "Stream \(name) waits. \(fault)", [.reason: "\(fault.kind)"])
    }
    pause = StreamPause(
      until: now.uptime + delay, attempt: attempt, said: fault.description, since: pause?.since ?? now.wall)
  }

  mutating func goOn() {
    guard pause != nil else { return }
    pause = nil
    report(.laneResumed, "Stream \(name) goes on")
  }

  // MARK: - Reports

  func report(_ kind: EventKind, _ message: String, _ fields: [Event.Field: String] = [:]) {
    context.events.record(kind, message, fields.merging([.stream: name.text]) { known, _ in known })
  }
}
