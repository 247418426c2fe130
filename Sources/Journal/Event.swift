import Core

/// One thing that happened: a change of state, never a poll. `message` is one line and holds no row, address or secret.
public struct Event: Hashable, Sendable {
  public let kind: EventKind
  public let message: String
  public let fields: [Field: String]

  /// The single door: what may hold an address is masked here, whoever calls.
  public init(_ kind: EventKind, _ message: String, _ fields: [Field: String] = [:]) {
    self.kind = kind
    self.message = Privacy.masked(message)
    self.fields = fields.mapValues(Privacy.masked)
  }

  /// The journal's field names, without their prefix `NAVETTE_`.
  public enum Field: String, Hashable, Comparable, Sendable, CaseIterable {
    case feed = "FEED", stream = "STREAM", drop = "DROP", batch = "BATCH", store = "STORE", key = "KEY", path = "PATH"
    case bytes = "BYTES", rows = "ROWS", attempt = "ATTEMPT", reason = "REASON", durationMS = "DURATION_MS"
    /// How often a folded fault was seen since it was last told.
    case repeats = "REPEATS"

    /// Lines list fields in this order, from the lane to the detail.
    static let order = allCases
    static let numbers: Set<Field> = [.bytes, .rows, .attempt, .durationMS, .repeats]

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
