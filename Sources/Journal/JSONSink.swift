public import Core

/// One JSON object per line, with the journal's own field names; `docs/events.md` documents it.
public struct JSONSink: EventSink {
  private let writer: LineWriter
  private let now: @Sendable () -> Timestamp

  public init(_ writer: LineWriter, now: @escaping @Sendable () -> Timestamp) {
    self.writer = writer
    self.now = now
  }

  public func record(_ event: Event) {
    var line = opening(event.kind.priority, event.message)
    line += ",\"MESSAGE_ID\":\"\(event.kind.messageID)\",\"NAVETTE_EVENT\":\"\(event.kind.rawValue)\""
    for field in Event.Field.order {
      guard let value = event.fields[field] else { continue }
      let number = Event.Field.numbers.contains(field) ? Int64(value) : nil
      line += ",\"NAVETTE_\(field.rawValue)\":\(number.map(String.init) ?? LineText.json(value))"
    }
    writer.write(line + "}")
  }

  private func opening(_ priority: Priority, _ message: String) -> String {
    "{\"schema\":1,\"timestamp\":\"\(now().iso(milliseconds: true))\",\"PRIORITY\":\(priority.rawValue)"
      + ",\"MESSAGE\":\(LineText.json(message))"
  }
}
