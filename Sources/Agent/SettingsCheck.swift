public import Config
import Core
import Files
import Store
import Stores
import Threads

/// What `check`, a start and a reload ask of a configuration, so that they agree.
public enum SettingsCheck {
  /// What an agent cannot start with: the environment, and each store, which is made and let go: nothing is reached. Where a secret was not
  /// read, because only the service has it, nothing is said of its store; nor where its folder is what is wrong.
  public static func problems(of settings: Settings) -> [ConfigProblem] {
    let known = (storeProblems(settings) + settings.unread).map(\.key)
    return EnvironmentCheck.problems(of: settings)
      + settings.stores.compactMap { store in
        let key = "stores.\(store.name)"
        guard !known.contains(where: { $0 == key || $0.hasPrefix(key + ".") }) else { return nil }
        return problem(with: store, key)
      }
  }

  /// What makes one store, one stream or the metrics wait by themselves, and lets the agent start: for `check` to tell.
  public static func waiting(_ settings: Settings) -> [ConfigProblem] {
    storeProblems(settings) + EnvironmentCheck.logProblems(of: settings)
      + EnvironmentCheck.metricsProblems(of: settings) + keyProblems(of: settings)
  }

  private static func storeProblems(_ settings: Settings) -> [ConfigProblem] {
    EnvironmentCheck.storeProblems(of: settings, absent: StoreCheck.absent(settings))
  }

  /// Keys for which nothing can be encrypted.
  private static func keyProblems(of settings: Settings) -> [ConfigProblem] {
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
