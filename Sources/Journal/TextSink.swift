public import Core

/// One line per event, for eyes and for grep:
/// `2026-03-12T06:00:00Z notice batch_confirmed stream=opens batch=opens-000042: The store holds the batch`.
public struct TextSink: EventSink {
  public enum Style: Sendable {
    /// Begins with the time.
    case timed
    /// Begins with `<N>`, from which systemd takes the level (sd-daemon(3)); the journal knows the time.
    case journal
  }

  private let writer: LineWriter
  private let style: Style
  private let now: @Sendable () -> Timestamp

  public init(_ writer: LineWriter, style: Style, now: @escaping @Sendable () -> Timestamp) {
    self.writer = writer
    self.style = style
    self.now = now
  }

  public func record(_ event: Event) {
    var subject = event.kind.rawValue
    for field in Event.Field.order {
      guard let value = event.fields[field] else { continue }
      subject += " \(field.rawValue.lowercased())=\(LineText.value(value))"
    }
    write(event.kind.priority, subject, event.message)
  }

  private func write(_ priority: Priority, _ subject: String, _ message: String) {
    let start =
      switch style {
      case .timed: "\(now().iso()) \(priority)"
      case .journal: "<\(priority.rawValue)>"
      }
    writer.write("\(start) \(subject): \(LineText.message(message))")
  }
}

extension Priority: CustomStringConvertible {
  public var description: String {
    switch self {
    case .error: "error"
    case .warning: "warning"
    case .notice: "notice"
    case .info: "info"
    }
  }
}
