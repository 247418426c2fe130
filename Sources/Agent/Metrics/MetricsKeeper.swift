import Config
import Core
import Files
import Inbound
import Journal
import Metrics
import Outbound
import SystemPackage
import Threads

/// Tells the agent's figures as the configuration asks: to a file after passes, and to whoever asks the endpoint.
///
/// It has a thread of its own, so that no lane waits for it, and no timer but one after a burst of passes: an idle agent writes when its
/// lanes look, and then only. A file that cannot be written and an address that is taken are told once and tried again; the
/// lanes do not care.
final class MetricsKeeper: Sendable {
  private struct State: Sendable {
    var settings: Settings
    var ends = Endings()
    var facts = LaneFacts()
    /// A telling is queued or under way, or its time is set.
    var isAsked = false
    var toldAt: Duration?
    /// Something of ours may be outside.
    var isOutside = false
    /// Nothing is told before `leave`.
    let isForTheEnd: Bool

    var isWanted: Bool { !isForTheEnd && settings.metrics != MetricsSettings() }
  }

  /// What is ours outside, and what was said of it.
  private struct Output: Sendable {
    var textfile: FilePath?
    var endpoint: MetricsEndpoint?
    var said: [String: String] = [:]
    var isStopped = false
  }

  private let counts: EventCounts
  private let events: any EventSink
  private let files = LinuxFiles()
  private let thread = SerialThread("navette-metrics")
  private let state: Locked<State>
  private let collector: Locked<MetricsCollector>
  /// Held while the outside is changed; never by a lane.
  private let output = Locked(Output())

  /// - Parameter isForTheEnd: for one round, of which the end is told by `leave`.
  init(
    _ settings: Settings, counts: EventCounts, events: any EventSink, startedAt: Timestamp, isForTheEnd: Bool = false
  ) {
    self.counts = counts
    self.events = events
    state = Locked(State(settings: settings, isForTheEnd: isForTheEnd))
    collector = Locked(MetricsCollector(startedAt: startedAt))
  }

  // MARK: - What is told to it

  /// From now on by this configuration: at start, and at each reload.
  func use(_ settings: Settings, _ ends: Endings) {
    state.withLock { state in
      state.settings = settings
      state.ends = ends
      // Of lanes that have not passed yet, nothing is known.
      state.facts.feeds = settings.feeds.reduce(into: [:]) { $0[$1.name] = MetricsSnapshot.Lane("inbound") }
      state.facts.streams = settings.streams.reduce(into: [:]) { $0[$1.name] = MetricsSnapshot.Lane("outbound") }
      (state.facts.feedsInTrouble, state.facts.streamsInTrouble) = ([], [])
      state.facts.isConfigRefused = false
      state.toldAt = nil
    }
    tell()
  }

  func refused() {
    state.withLock { $0.facts.isConfigRefused = true }
    tell()
  }

  func passed(_ feed: FeedName, _ pass: PassSummary, at now: Moment) {
    state.withLock { state in
      state.facts.feeds[feed]?.count(pass.took, at: now)
      state.facts.feedsInTrouble.set(feed, pass.trouble != nil)
    }
    tell()
  }

  func passed(_ stream: StreamName, _ pass: StreamSummary, at now: Moment) {
    state.withLock { state in
      state.facts.streams[stream]?.count(pass.took, at: now)
      state.facts.streamsInTrouble.set(stream, pass.trouble != nil)
      state.facts.isSpoolFull = pass.spoolIsFull
    }
    tell()
  }

  /// Nothing is left outside: what would stand there unchanged would lie.
  func stop() {
    output.withLock { output in
      output.isStopped = true
      close(&output)
    }
  }

  /// Writes the file, which stays: how one round has ended is true until the next one. Nobody could ask an endpoint by now.
  func leave() {
    let textfile = state.withLock { $0.settings.metrics.textfile }
    output.withLock { write(textfile, &$0) }
  }

  private func close(_ output: inout Output) {
    output.endpoint?.stop()
    output.endpoint = nil
    if let textfile = output.textfile { try? files.remove(textfile) }
    output.textfile = nil
  }

  // MARK: - Telling

  /// Soon, and not more often than is of use: many passes in a row are told once.
  private func tell() {
    let uptime = SystemClock.uptime()
    let pause: Duration? = state.withLock { state in
      guard !state.isAsked, state.isWanted || state.isOutside else { return nil }
      state.isAsked = true
      return state.toldAt.map { max(.zero, $0 + Limits.metricsPause - uptime) } ?? .zero
    }
    guard let pause else { return }
    if pause == .zero {
      thread.run { [weak self] in self?.tellNow() }
    } else {
      Timers.shared.schedule(after: pause) { [weak self] in
        guard let self else { return }
        thread.run { [weak self] in self?.tellNow() }
      }
    }
  }

  private func tellNow() {
    let metrics = state.withLock { state in
      state.isAsked = false
      state.toldAt = SystemClock.uptime()
      state.isOutside = state.isWanted
      return state.settings.metrics
    }
    output.withLock { output in
      guard !output.isStopped else { return }
      serve(metrics.listen, &output)
      write(metrics.textfile, &output)
    }
  }

  private func serve(_ listen: MetricsSettings.Listen?, _ output: inout Output) {
    let address = listen.map(MetricsEndpoint.Address.init)
    guard output.endpoint?.address != address else { return }
    output.endpoint?.stop()
    output.endpoint = nil
    guard let address else { return output.said["listen"] = nil }
    do throws(FileFault) {
      output.endpoint = try MetricsEndpoint(address) { [weak self] in try? self?.page() }
      output.said["listen"] = nil
    } catch {
      say("listen", error.description, &output)
    }
  }

  private func write(_ textfile: FilePath?, _ output: inout Output) {
    if let old = output.textfile, old != textfile { try? files.remove(old) }
    output.textfile = textfile
    guard let textfile else { return output.said["textfile"] = nil }
    do {
      try Textfile.write(page(), to: textfile, files)
      output.said["textfile"] = nil
    } catch {
      say("textfile", "\(error)", &output)
    }
  }

  private func say(_ which: String, _ why: String, _ output: inout Output) {
    guard output.said[which] != why else { return }
    output.said[which] = why
    events.record(.metricsFailed, "The metrics are not told: \(why)", [.reason: which])
  }

  /// - Throws: faults of the disk and of the ledger.
  private func page() throws -> String {
    let (settings, ends, facts) = state.withLock { ($0.settings, $0.ends, $0.facts) }
    let told = counts.all
    return try collector.withLock { collector in
      MetricsText.render(try collector.snapshot(settings, ends, facts, told, at: SystemClock.wall()))
    }
  }
}

extension MetricsSnapshot.Lane {
  fileprivate mutating func count(_ took: Duration, at now: Moment) {
    passes += 1
    passSeconds += Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18
    lastPass = now.wall
  }
}

extension Set {
  fileprivate mutating func set(_ element: Element, _ isIn: Bool) {
    if isIn { insert(element) } else { remove(element) }
  }
}

extension MetricsEndpoint.Address {
  fileprivate init(_ listen: MetricsSettings.Listen) {
    self =
      switch listen {
      case .unix(let path): .path(path)
      case .tcp(let address, let port): .host(address, port: port)
      }
  }
}

/// A file that a collector reads at any moment: there whole, or as it was. It need not survive a power cut, so nothing is synced.
enum Textfile {
  /// For everybody: the collector is another user. It holds figures and configured names only.
  private static let mode = AccessMode(rawValue: 0o644)

  static func write(_ text: String, to path: FilePath, _ files: any Files) throws(FileFault) {
    // Its name does not end with .prom, so no collector takes it.
    let temporary = FilePath(path.string + ".tmp")
    do { try files.remove(temporary) } catch { if error.kind != .missing { throw error } }
    let file = try files.create(temporary, mode: mode)
    var text = text
    var fault: FileFault?
    text.withUTF8 { bytes in
      do throws(FileFault) { try file.write(UnsafeRawBufferPointer(bytes)) } catch { fault = error }
    }
    if let fault { throw fault }
    try files.replace(path, with: temporary)
  }
}
