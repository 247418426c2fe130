public import Config
import Core
import Files
import Store
import Stores
import Threads

/// What `check`, a start and a reload ask of a configuration, so that they agree.
public enum SettingsCheck {
  /// The environment, and each store, which is made and let go: nothing is reached. Where a secret was not read, because only the service has
  /// it, nothing is said of its store.
  public static func problems(of settings: Settings) -> [ConfigProblem] {
    let environment = EnvironmentCheck.problems(of: settings, absent: StoreCheck.absent(settings))
    let known = (environment + settings.unread).map(\.key)
    return environment
      + settings.stores.compactMap { store in
        let key = "stores.\(store.name)"
        guard !known.contains(where: { $0 == key || $0.hasPrefix(key + ".") }) else { return nil }
        return problem(with: store, key)
      }
  }

  /// Keys for which nothing can be encrypted. Their streams wait by themselves, and the agent starts all the same.
  public static func keyProblems(of settings: Settings) -> [ConfigProblem] {
    KeyEnd.problems(of: settings, at: SystemClock.wall())
  }

  private static func problem(with store: StoreSettings, _ key: String) -> ConfigProblem? {
    do throws(StoreFault) {
      _ = try makeStore(store, files: LinuxFiles(), clock: SystemClock.wall)
      return nil
    } catch {
      // The fault's place is what cannot be used: a key of the store, or something within it.
      let place = error.place.split(separator: " ").map(String.init).first { places.contains($0) }
      let isPlace = place == error.place
      let what = isPlace ? error.why : "\(error.what) \(error.place): \(error.why)"
      return ConfigProblem(key: key + (place.map { ".\($0)" } ?? ""), message: what, remedy: error.remedy)
    }
  }

  private static let places = [
    "account_key", "sas_token", "connection_string", "endpoint", "ca_file", "private_key",
  ]
}
