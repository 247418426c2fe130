import Config
import Core
import Files
import Journal
import Store
import Stores
import Threads

/// When the right to use a store ends by itself: that of a SAS token, say. Ahead of it there is time to get another.
struct AccessEnd: Hashable, Sendable {
  let store: StoreName
  let at: Timestamp

  /// Of the stores that tell; the others, and those that cannot be used at all, are left out.
  static func all(_ settings: Settings, _ files: any Files) -> [AccessEnd] {
    settings.stores.compactMap { store in
      // Said by whoever uses the store.
      let made = try? makeStore(store, files: files, clock: SystemClock.wall)
      return made?.traits.expires.map { AccessEnd(store: store.name, at: $0) }
    }
  }

  func isNear(_ now: Timestamp) -> Bool { at - now < Limits.tokenEndAhead }

  /// `ends at 2026-03-12T06:00:00Z, in 3 days`
  func words(_ now: Timestamp) -> String {
    if at <= now { return "ended at \(at.iso()). Put a new sas_token in its place" }
    let days = (at - now).components.seconds / 86_400
    let left = days == 0 ? "today or tomorrow" : "in \(counted(days, "day"))"
    return "ends at \(at.iso()), \(left)" + (isNear(now) ? ". Get a new sas_token in time" : "")
  }

  /// Tells what is due, and answers when to ask again; nil: never. Once a day from a week ahead, and once at the end.
  static func tell(_ ends: [AccessEnd], at now: Timestamp, _ events: any EventSink) -> Duration? {
    ends.compactMap { end -> Duration? in
      let left = end.at - now
      guard end.isNear(now) else { return left - Limits.tokenEndAhead + .seconds(1) }
      events.record(
        .credentialExpiring, "The access to store \(end.store) \(end.words(now))",
        [.store: end.store.text, .reason: end.at.iso()])
      return left > .zero ? min(left, Limits.tokenEndLook) : nil
    }.min()
  }

  /// Until it is cancelled, or nothing is left to tell.
  static func watch(_ ends: [AccessEnd], _ events: any EventSink) async {
    while !Task.isCancelled, let pause = tell(ends, at: SystemClock.wall(), events) {
      // A clock that is set meanwhile is noticed within a day.
      await sleep(for: min(max(pause, .seconds(1)), Limits.tokenEndLook))
    }
  }
}
