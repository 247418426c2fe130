import Core

/// Every number that bounds the agent, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// So long before access to a store ends it is told, once a day: whoever gives out tokens may be on holiday for a
  /// week.
  static let tokenEndAhead: Duration = .seconds(7 * 86_400)

  /// How often the ends of access are looked at at least: a clock that is set meanwhile is noticed within a day.
  static let tokenEndLook: Duration = .seconds(86_400)

  /// What one column of the view of the last hour stands for.
  static let activityStep: Duration = .seconds(120)

  /// Columns of that view: an hour fits beside the figures on a terminal of 80 columns.
  static let activitySteps = 30

  /// After an event of a folder of logs, until the next one wakes its streams: a log that is opened and closed for
  /// each line must not cost a pass for each line.
  static let eventCalm: Duration = .milliseconds(500)

  /// How often `requests/` is looked at where the kernel cannot watch it.
  static let requestPoll: Duration = .seconds(2)

  /// So long `run --once` tries again what does not get on: it is run by hand or by a timer, and somebody waits.
  static let onceRetries: Duration = .seconds(30)

  /// How often `run --once` looks while objects are fetched.
  static let oncePulls: Duration = .milliseconds(20)

  /// The shortest wait between two looks of `run --once`.
  static let onceLook: Duration = .milliseconds(10)

  /// So long may a command of `reopen` take: the streams wait for it.
  static let reopenTimeout: Duration = .seconds(10)

  /// What systemd is asked to wait for the start: a ledger may have to be made anew.
  static let startExtension: Duration = .seconds(600)

  /// While the agent starts, reloads or stops, systemd hears of it so often.
  static let busyTick: Duration = .seconds(5)

  /// No two signs of life to systemd follow each other sooner, whatever its watchdog is set to.
  static let shortestTick: Duration = .milliseconds(10)

  /// What a store confirmed in this time is its pace: long enough for several batches, short enough to be now.
  static let paceSpan: Duration = .seconds(300)

  /// Seconds without a confirmation, beyond those a batch takes, after which no time for catching up is promised.
  static let silenceBeforeNoPromise: Int64 = 60

  /// A larger object of a store is not read for `check --connect`.
  static let probeBytes: UInt64 = 1 << 20

  /// Batches that `verify` takes out of the ledger at a time: memory stays small, and the ledger is free in between.
  static let verifySlice = 500

  /// `verify` asks again after a bad moment of a store so soon.
  static let verifyFirstPause: Duration = .milliseconds(300)

  /// And once more so much later: one bad moment must not end the comparison of a hundred thousand objects.
  static let verifySecondPause: Duration = .seconds(2)

  /// `verify` waits no longer, whatever the store asks for: a person sits before it.
  static let verifyLongestPause: Duration = .seconds(15)

  /// The file `in-hand` is far smaller; what is larger is something else.
  static let inHandBytes = 1 << 20

  /// `machine-id` and `boot_id` of the system are 33 and 37 bytes.
  static let identityBytes = 256

  /// Files that the demo reads back; it makes smaller ones.
  static let demoBytes = 64 << 20

  /// Between two writings of the metrics' file: collectors look every 15 s or less often.
  static let metricsPause: Duration = .seconds(5)

  /// A ledger of this size is read through at each start, which takes a fraction of a second; a larger one after an
  /// end out of order.
  static let ledgerReadThrough: UInt64 = 64 << 20
}
