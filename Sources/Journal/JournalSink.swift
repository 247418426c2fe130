/// Events to journald by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), each with its identifier and fields. Where the
/// socket is not there, an event goes to the fallback: nothing waits for the journal.
public struct JournalSink: EventSink {
  public static let path = "/run/systemd/journal/socket"

  private let socket: LocalSocket
  private let fallback: any EventSink

  public init(path: String = JournalSink.path, fallback: any EventSink) {
    socket = LocalSocket(path)
    self.fallback = fallback
  }

  public func record(_ event: Event) {
    let entry = Self.entry(event)
    switch socket.send(entry) {
    case .sent: return
    case .tooLarge where socket.sendAsFile(entry): return
    case .tooLarge, .failed: fallback.record(event)
    }
  }

  static func entry(_ event: Event) -> [UInt8] {
    var bytes: [UInt8] = []
    add("MESSAGE", LineText.message(event.message), &bytes)
    add("PRIORITY", String(event.kind.priority.rawValue), &bytes)
    add("MESSAGE_ID", event.kind.messageID, &bytes)
    add("SYSLOG_IDENTIFIER", "navette", &bytes)
    add("NAVETTE_EVENT", event.kind.rawValue, &bytes)
    for field in Event.Field.order {
      if let value = event.fields[field] { add("NAVETTE_\(field.rawValue)", value, &bytes) }
    }
    return bytes
  }

  /// `NAME=value`, or with its length before it where the value has a line break: no value can pose as a field.
  private static func add(_ name: String, _ value: String, _ bytes: inout [UInt8]) {
    bytes += name.utf8
    let text = Array(value.utf8)
    if text.contains(UInt8(ascii: "\n")) {
      bytes.append(UInt8(ascii: "\n"))
      withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes += $0 }
    } else {
      bytes.append(UInt8(ascii: "="))
    }
    bytes += text
    bytes.append(UInt8(ascii: "\n"))
  }
}
