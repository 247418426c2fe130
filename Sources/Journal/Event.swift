import Core

/// One thing that happened: a change of state, never a poll. `message` is one line and holds no row, address or secret.
public struct Event: Sendable {
  public let kind: EventKind
  public let message: String
  public let fields: [Field: String]

  public init(_ kind: EventKind, _ message: String, _ fields: [Field: String] = [:]) {
    self.kind = kind
    self.message = message
    self.fields = fields
  }

  /// The journal's field names, without their prefix `NAVETTE_`.
  public enum Field: String, Hashable, Comparable, Sendable, CaseIterable {
    case feed = "FEED", stream = "STREAM", drop = "DROP", batch = "BATCH", store = "STORE", key = "KEY", path = "PATH"
    case bytes = "BYTES", rows = "ROWS", attempt = "ATTEMPT", reason = "REASON", durationMS = "DURATION_MS"
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }
}

/// Where events go. Called from any thread; must not block for long and never fails.
public protocol EventSink: Sendable {
  func record(_ event: Event)
}

extension EventSink {
  public func record(_ kind: EventKind, _ message: String, _ fields: [Event.Field: String] = [:]) {
    record(Event(kind, message, fields))
  }
}
