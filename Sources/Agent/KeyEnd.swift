import Config
import Core
import Files
import Journal
import Outbound

/// When the key that a stream's objects are encrypted for can be used no more: by its own word, or because AEP lets its keys end 180 days after
/// they were made.
struct KeyEnd: Hashable, Ending {
  let stream: StreamName
  let at: Timestamp

  var subject: String { "The key that stream \(stream) encrypts for" }
  var successor: String { "encrypt.key" }
  var field: (name: Event.Field, value: String) { (.stream, stream.text) }

  /// Of the streams that encrypt for a key that can be looked at; what cannot, `check` and the stream itself tell.
  static func all(_ settings: Settings) -> [KeyEnd] {
    var ends: [KeyEnd] = []
    for stream in settings.streams {
      guard let encrypt = stream.encrypt, !settings.isUnread("streams.\(stream.name).encrypt.key") else { continue }
      do throws(FileFault) {
        let facts = try PublicKey(encrypt.key).facts()
        if let end = facts.end(isAEPs: settings.isForAEP(stream)) { ends.append(KeyEnd(stream: stream.name, at: end)) }
      } catch {
        // The others would take as long.
        if error.kind == .hung { break }
      }
    }
    return ends
  }

  /// What keeps streams from encrypting, for `check`.
  static func problems(of settings: Settings, at now: Timestamp) -> [ConfigProblem] {
    settings.streams.compactMap { stream in
      let key = "streams.\(stream.name).encrypt.key"
      guard let encrypt = stream.encrypt, !settings.isUnread(key) else { return nil }
      do throws(FileFault) {
        return try PublicKey(encrypt.key).facts().complaint(at: now).map {
          ConfigProblem(
            key: key, message: "nothing can be encrypted for it: \($0)", remedy: "Put the key that AEP gives now there")
        }
      } catch {
        // That gpg is missing has its own line, and what hangs now may not hang later.
        guard error.kind == .denied else { return nil }
        return ConfigProblem(key: key, message: error.why, remedy: error.remedy)
      }
    }
  }
}

extension Settings {
  /// Whether the secret could not be had, so that nothing can be said of it.
  fileprivate func isUnread(_ key: String) -> Bool { unread.contains { $0.key == key } }
}
