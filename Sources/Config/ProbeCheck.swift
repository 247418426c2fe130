import Core
import Store

/// Probes lie where nobody reads: a dataflow that takes a folder in whole would take them for batches, a feed for drops.
extension Consistency {
  func checkProbes() {
    for store in settings.stores where store.trust == .proven {
      let streams = settings.streams.filter { $0.stores.contains(store.name) }
      guard !streams.isEmpty else { continue }
      let key = "stores.\(store.name).probe"
      // Names without a folder were always allowed. Where AEP reads, it would take in everything beside them.
      let stream = streams.first { stream in
        let batches = begins(stream)
        return meets(store.probe, batches) && (store.isForAEP || !batches.isEmpty)
      }
      if let stream {
        report(
          key, "probes would lie where the batches of streams.\(stream.name) are",
          begins(stream).contains("/")
            ? "Choose another folder"
            : "Begin the stream's key with a folder of its own: \"{stream}/…\"; or, where nobody else writes there, set the store's trust: single_writer"
        )
        continue
      }
      let pulled = settings.feeds.first { feed in
        guard let pull = feed.pull, pull.store == store.name else { return false }
        let (prefix, name) = (pull.prefix.drop { $0 == "/" }, "\(settings.host).probe")
        let key = "\(store.probe)\(name)"
        guard key.hasPrefix(prefix) else { return false }
        // What lies deeper is fetched only where the feed says so, and what it does not include never.
        let isInReach = feed.recursive || !key.dropFirst(prefix.count).contains("/")
        return isInReach && feed.include.contains { Glob($0).matches(name.utf8) }
      }
      if let pulled {
        report(key, "probes would lie where feeds.\(pulled.name) fetches", "Choose a folder outside of its pull.prefix")
      }
    }
  }

  /// What the names of all batches of the stream begin with, as far as it is the same for all of them, up to its last slash; empty: they
  /// lie at the top.
  private func begins(_ stream: StreamSettings) -> String {
    let named = stream.key.replacing("{stream}", with: stream.name.text).replacing("{host}", with: settings.host)
    let fixed = named.prefix { $0 != "{" }
    guard let slash = fixed.lastIndex(of: "/") else { return "" }
    return String(fixed[...slash])
  }

  /// Batches under another header lie beside the others, in a folder whose name goes on.
  private func meets(_ probe: String, _ batches: String) -> Bool {
    probe.hasPrefix(batches) || batches.hasPrefix(probe)
  }
}
