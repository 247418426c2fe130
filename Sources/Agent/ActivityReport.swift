public import Config
import Core
import Files
public import Ledger
import Spool

/// The last hour of feeds and streams, read from the ledger: for a view that is looked at.
public struct ActivityReport: Sendable {
  public static let step = Limits.activityStep
  public static let steps = Limits.activitySteps

  public struct Line: Sendable {
    public let subject: String
    public let line: HistoryLine
    public init(subject: String, line: HistoryLine) { (self.subject, self.line) = (subject, line) }
  }

  /// Rows handed over, in steps that end now, by the feed's name.
  public var rows: [String: [UInt64]] = [:]
  /// Bytes confirmed, in steps that end now, by the stream's name.
  public var bytes: [String: [UInt64]] = [:]
  /// Newest first.
  public var events: [Line] = []

  public init() {}

  /// - Throws: `Failure` where the state folder cannot be read.
  public init(_ settings: Settings, events limit: Int) throws {
    let state = StateFolder(settings.state)
    let now = SystemClock.wall()
    do {
      guard try LinuxFiles().info(state.ledger) != nil else { return }
      let (rows, bytes, lines) = try LedgerKeeper.reader(state, LinuxFiles()).read { (t) throws(LedgerFault) in
        var rows: [String: [UInt64]] = [:]
        for feed in settings.feeds {
          rows[feed.name.text] = try t.drops.handedOverRows(of: feed.name, in: Self.step, count: Self.steps, until: now)
        }
        var bytes: [String: [UInt64]] = [:]
        for stream in settings.streams {
          bytes[stream.name.text] = try t.batches.confirmedBytes(
            of: stream.name, in: Self.step, count: Self.steps, until: now)
        }
        return (rows, bytes, try t.history.latest(limit).map { Line(subject: $0.subject, line: $0.line) })
      }
      (self.rows, self.bytes, events) = (rows, bytes, lines)
    } catch let fault as FileFault {
      throw Failure(fault)
    } catch let fault as LedgerFault {
      throw Failure(fault)
    }
  }
}
