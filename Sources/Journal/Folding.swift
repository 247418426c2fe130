import Core

/// Repeats of one fault become a count. Pure: events and the monotonic clock go in, what to say comes out.
///
/// - The first of a kind, lane, store and reason is said at once and opens a window.
/// - Within the window the same is only counted. When it ends, the count is said once and a new window opens; a window
///   without repeats just closes.
/// - A lane that resumes, or the agent stopping, ends the windows concerned.
/// - At most `capacity` windows: one more ends the oldest.
struct Folding {
  private struct Fault: Hashable {
    let kind: EventKind
    let feed, stream, store, reason: String?
    init(_ event: Event) {
      kind = event.kind
      feed = event.fields[.feed]
      stream = event.fields[.stream]
      store = event.fields[.store]
      reason = event.fields[.reason]
    }
  }

  private struct Window {
    let opened: Duration
    var latest: Event
    var repeats = 0
  }

  private let length: Duration
  private let capacity: Int
  private var windows: [Fault: Window] = [:]

  init(length: Duration, capacity: Int = Limits.foldedFaults) {
    precondition(capacity > 0, "folding needs a window")
    self.length = length
    self.capacity = capacity
  }

  mutating func take(_ event: Event, at uptime: Duration) -> [Event] {
    var said = expire(at: uptime)
    said += endWindows(at: uptime) { Self.ends($0, at: event) }
    guard event.kind.folds else { return said + [event] }
    let fault = Fault(event)
    if windows[fault] != nil {
      windows[fault]?.repeats += 1
      windows[fault]?.latest = event
      return said
    }
    if windows.count >= capacity, let oldest = windows.min(by: { $0.value.opened < $1.value.opened })?.key {
      said += endWindows(at: uptime) { $0 == oldest }
    }
    windows[fault] = Window(opened: uptime, latest: event)
    return said + [event]
  }

  /// What windows that are over have to say.
  mutating func expire(at uptime: Duration) -> [Event] {
    let over = windows.filter { uptime - $0.value.opened >= length }
    let said = endWindows(at: uptime) { over[$0] != nil }
    for (fault, window) in over where window.repeats > 0 {
      windows[fault] = Window(opened: uptime, latest: window.latest)
    }
    return said
  }

  /// Ends every window.
  mutating func finish(at uptime: Duration) -> [Event] { endWindows(at: uptime) { _ in true } }

  private static func ends(_ fault: Fault, at event: Event) -> Bool {
    switch event.kind {
    case .agentStopping: true
    case .laneResumed: fault.feed == event.fields[.feed] && fault.stream == event.fields[.stream]
    default: false
    }
  }

  private mutating func endWindows(at uptime: Duration, where isOver: (Fault) -> Bool) -> [Event] {
    let over = windows.filter { isOver($0.key) }.sorted { $0.value.opened < $1.value.opened }
    for (fault, _) in over { windows[fault] = nil }
    return over.compactMap { summary($0.value, at: uptime) }
  }

  private func summary(_ window: Window, at uptime: Duration) -> Event? {
    guard window.repeats > 0 else { return nil }
    let times = window.repeats == 1 ? "once more" : "\(window.repeats) times more"
    let seconds = max(1, (uptime - window.opened).components.seconds)
    var fields = window.latest.fields
    fields[.repeats] = String(window.repeats)
    return Event(window.latest.kind, "\(window.latest.message) (\(times) in \(seconds) s)", fields)
  }
}
