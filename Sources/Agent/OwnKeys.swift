import Core

/// Which objects of a store one stream of this host answers for.
struct OwnKeys {
  /// Of all names that the stream can give, up to its folder where that is the stream's own.
  let prefix: String
  private let ours: Glob
  private let anybodys: Glob

  /// - Parameter template: the stream's `key`.
  init(_ template: String, stream: String, host: String) {
    let named = template.replacing("{stream}", with: stream)
    let fixed = named.prefix { $0 != "{" }
    let folder = fixed.lastIndex(of: "/").map { fixed[...$0] }
    prefix = String(folder.flatMap { $0.contains(stream) ? $0 : nil } ?? fixed)
    ours = Glob(Self.pattern(named.replacing("{host}", with: host)))
    anybodys = Glob(Self.pattern(named))
  }

  /// Made by the same stream on another host, which keeps a ledger of its own.
  func isAnotherHosts(_ key: String) -> Bool { anybodys.matches(key.utf8) && !ours.matches(key.utf8) }

  /// Keys hold none of the characters that mean something in a pattern.
  private static func pattern(_ template: String) -> String { template.replacing(/\{[a-z]+\}/, with: "*") }
}
