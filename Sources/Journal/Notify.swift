/// Tells the service manager how we stand (sd_notify(3)): one message to the socket that it gave us. Never fails, waits a second at
/// most, and does nothing where there is no manager.
public final class Notify: Sendable {
  public enum Message: Hashable, Sendable {
    case ready, stopping, watchdog
    /// By the monotonic clock.
    case reloading(at: Duration)
    /// One line for `systemctl status`.
    case status(String)
    /// A start, reload or stop may last so much longer, from now.
    case extend(Duration)

    var line: String {
      switch self {
      case .ready: "READY=1"
      case .stopping: "STOPPING=1"
      case .watchdog: "WATCHDOG=1"
      case .reloading(let uptime): "RELOADING=1\nMONOTONIC_USEC=\(Notify.microseconds(uptime))"
      case .status(let text): "STATUS=\(LineText.message(Privacy.masked(text)))"
      case .extend(let time): "EXTEND_TIMEOUT_USEC=\(Notify.microseconds(time))"
      }
    }
  }

  private let socket: LocalSocket

  /// - Parameter name: `$NOTIFY_SOCKET`: a path, or `@` and an abstract name. Others, and nil, mean nobody listens.
  public init?(_ name: String?) {
    guard let name, name.count > 1, name.hasPrefix("/") || name.hasPrefix("@") else { return nil }
    socket = LocalSocket(name)
  }

  public func send(_ messages: [Message]) {
    guard !messages.isEmpty else { return }
    _ = socket.send(Array(messages.map(\.line).joined(separator: "\n").utf8))
  }

  /// How long the manager waits for `watchdog` before it ends us; nil: it does not.
  /// - Parameters:
  ///   - text: `$WATCHDOG_USEC`.
  ///   - owner: `$WATCHDOG_PID`, the process that is meant.
  public static func watchdog(_ text: String?, owner: String?, pid: Int32) -> Duration? {
    guard let time = text.flatMap({ Int64($0) }), time > 0, owner == nil || owner == String(pid) else { return nil }
    return .microseconds(time)
  }

  private static func microseconds(_ time: Duration) -> Int64 {
    time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000
  }
}
