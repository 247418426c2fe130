import Config
import Core
import Inbound
import Outbound
import Threads

/// How the feeds and streams stand, as of their last passes: one line for the service manager.
final class LaneStandings: Sendable {
  private struct Feed: Sendable {
    var settling = 0, waiting = 0
    var isInTrouble = false, isPaused = false
  }

  private struct Stream: Sendable {
    var waiting = 0
    var isInTrouble = false, isPaused = false, spoolIsFull = false
  }

  private struct State: Sendable {
    var feeds: [FeedName: Feed]
    var streams: [StreamName: Stream]
  }

  private let state: Locked<State>

  init(_ settings: Settings) {
    state = Locked(
      State(
        feeds: Dictionary(settings.feeds.map { ($0.name, Feed()) }, uniquingKeysWith: { a, _ in a }),
        streams: Dictionary(settings.streams.map { ($0.name, Stream()) }, uniquingKeysWith: { a, _ in a })))
  }

  func passed(_ feed: FeedName, _ pass: PassSummary) {
    let now = Feed(
      settling: pass.settling, waiting: pass.waiting, isInTrouble: pass.trouble != nil, isPaused: pass.isPaused)
    state.withLock { $0.feeds[feed] = now }
  }

  func passed(_ stream: StreamName, _ pass: StreamSummary) {
    let now = Stream(
      waiting: pass.waiting, isInTrouble: pass.trouble != nil, isPaused: pass.isPaused, spoolIsFull: pass.spoolIsFull)
    state.withLock { $0.streams[stream] = now }
  }

  var words: String {
    let (feeds, streams) = state.withLock { ($0.feeds, $0.streams) }
    return "\(Self.words(feeds)); \(Self.words(streams))"
  }

  private static func words(_ feeds: [FeedName: Feed]) -> String {
    guard !feeds.isEmpty else { return "inbound: no feeds are configured" }
    var facts: [String] = []
    let (settling, waiting) = (feeds.values.map(\.settling).reduce(0, +), feeds.values.map(\.waiting).reduce(0, +))
    if settling > 0 { facts.append("\(counted(settling, "file")) arriving") }
    if waiting > 0 { facts.append("\(counted(waiting, "drop")) in hand") }
    facts += list("in trouble", feeds.filter(\.value.isInTrouble).keys.map(\.text))
    facts += list("paused", feeds.filter(\.value.isPaused).keys.map(\.text))
    return "inbound: \(counted(feeds.count, "feed")), \(facts.isEmpty ? "idle" : facts.joined(separator: ", "))"
  }

  private static func words(_ streams: [StreamName: Stream]) -> String {
    guard !streams.isEmpty else { return "outbound: no streams are configured" }
    var facts: [String] = []
    let waiting = streams.values.map(\.waiting).reduce(0, +)
    if waiting > 0 { facts.append("\(counted(waiting, "batch")) to be confirmed") }
    if streams.values.contains(where: \.spoolIsFull) { facts.append("the spool is full") }
    facts += list("in trouble", streams.filter(\.value.isInTrouble).keys.map(\.text))
    facts += list("paused", streams.filter(\.value.isPaused).keys.map(\.text))
    return "outbound: \(counted(streams.count, "stream")), \(facts.isEmpty ? "idle" : facts.joined(separator: ", "))"
  }

  private static func list(_ what: String, _ names: [String]) -> [String] {
    names.isEmpty ? [] : ["\(what): \(names.sorted().joined(separator: " "))"]
  }
}
