import Core
import Lanes

/// What is remembered of one stream between passes: the steps, each with what it alone remembers, and what they hand on. All of it can
/// be made anew from the disk and the ledger.
struct StreamState {
  var logs: StreamLogs
  var batches = StreamBatches()

  let adopting = Adopting()
  var discovery: Discovery
  var backlog = Backlog()
  var room = Room()
  var rotation: Rotation
  let cutting: Cutting
  var schemas = Schemas()
  let sealing = Sealing()
  let emptying = Emptying()
  let delivery = Delivery()
  var retirement = Retirement()
  var sweeping = Sweeping()
  var dispatching = Dispatching()
  let purging = Purging()
  var comparing = Comparing()
  var reporting = Reporting()

  /// All complete records are to be sealed by the next pass.
  var isFlushed = false
  /// What waits for a store is due at the next pass.
  var asksAgain = false
  /// Everything was due, and a pass has not got through all of it.
  var isCatchingUp = false
  /// A person has paused it.
  var isStopped = false
  /// Trouble of its own.
  var pause: StreamPause?
  var waits = ItemWaits<StreamItem>()

  init(_ context: StreamContext, reopen: @escaping @Sendable ([String]) -> String?) {
    logs = StreamLogs(rotation: context.settings.rotation, pins: context.pins.path)
    discovery = Discovery(context)
    rotation = Rotation(reopen: reopen)
    cutting = Cutting(context)
  }
}
