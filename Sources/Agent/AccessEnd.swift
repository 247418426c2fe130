import Config
import Core
import Files
import Journal
import Store
import Stores

/// When the right to use a store ends by itself: that of a SAS token, say.
struct AccessEnd: Hashable, Ending {
  let store: StoreName
  let at: Timestamp

  var subject: String { "The access to store \(store)" }
  var successor: String { "sas_token" }
  var field: (name: Event.Field, value: String) { (.store, store.text) }

  /// Of the stores that tell; the others, and those that cannot be used at all, are left out.
  static func all(_ settings: Settings, _ files: any Files) -> [AccessEnd] {
    settings.stores.compactMap { store in
      // Said by whoever uses the store.
      let made = try? makeStore(store, files: files, clock: SystemClock.wall)
      return made?.traits.expires.map { AccessEnd(store: store.name, at: $0) }
    }
  }
}
