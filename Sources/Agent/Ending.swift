import Config
import Core
import Files
import Journal
import Threads

/// Something that ends by itself on a day that is known: ahead of it there is time to get another.
protocol Ending: Sendable {
  var at: Timestamp { get }
  /// Begins a sentence: "The access to store aep".
  var subject: String { get }
  /// What takes its place: "sas_token".
  var successor: String { get }
  var field: (name: Event.Field, value: String) { get }
}

extension Ending {
  func isNear(_ now: Timestamp) -> Bool { at - now < Limits.tokenEndAhead }

  /// `ends at 2026-03-12T06:00:00Z, in 3 days`
  func words(_ now: Timestamp) -> String {
    if at <= now { return "ended at \(at.iso()). Put a new \(successor) in its place" }
    let days = (at - now).components.seconds / 86_400
    let left = days == 0 ? "today or tomorrow" : "in \(counted(days, "day"))"
    return "ends at \(at.iso()), \(left)" + (isNear(now) ? ". Get a new \(successor) in time" : "")
  }

  /// Below zero: it has ended.
  func daysLeft(_ now: Timestamp) -> Double { Double((at - now).milliseconds) / 86_400_000 }
}

/// All of a configuration that ends by itself.
struct Endings: Sendable {
  var stores: [AccessEnd] = []
  var keys: [KeyEnd] = []

  private var all: [any Ending] { stores + keys }

  static func of(_ settings: Settings, _ files: any Files) -> Endings {
    Endings(stores: AccessEnd.all(settings, files), keys: KeyEnd.all(settings))
  }

  /// Tells what is due, and answers when to ask again; nil: never. Once a day from a week ahead, and once at the end.
  func tell(at now: Timestamp, _ events: any EventSink) -> Duration? {
    all.compactMap { end -> Duration? in
      let left = end.at - now
      guard end.isNear(now) else { return left - Limits.tokenEndAhead + .seconds(1) }
      events.record(
        .credentialExpiring, "\(end.subject) \(end.words(now))",
        [end.field.name: end.field.value, .reason: end.at.iso()])
      return left > .zero ? min(left, Limits.tokenEndLook) : nil
    }.min()
  }

  /// Until it is cancelled, or nothing is left to tell.
  func watch(_ events: any EventSink) async {
    while !Task.isCancelled, let pause = tell(at: SystemClock.wall(), events) {
      // A clock that is set meanwhile is noticed within a day.
      await sleep(for: min(max(pause, .seconds(1)), Limits.tokenEndLook))
    }
  }
}
