import CLinux
import Glibc

/// The terminal while a view fills it: another screen, no echo, no cursor; and as it was before when it is left. Not for threads.
struct Screen: ~Copyable {
  private var before: termios
  private let hasKeys: Bool
  private let hasColour: Bool
  private var isOn = false

  /// Nil where nobody looks: standard output is no terminal that can be drawn on.
  init?() {
    let kind = getenv("TERM").map { String(cString: $0) } ?? ""
    guard isatty(1) == 1, !kind.isEmpty, kind != "dumb" else { return nil }
    var found = termios()
    hasKeys = isatty(0) == 1 ? tcgetattr(0, &found) == 0 : false
    before = found
    hasColour = Terminal.hasColour
  }

  var size: (columns: Int, rows: Int) {
    var columns: UInt16 = 0
    var rows: UInt16 = 0
    guard cl_window_size(1, &columns, &rows) == 0, columns > 0, rows > 0 else { return (80, 24) }
    return (Int(columns), Int(rows))
  }

  /// Keys come at once and unseen. Those that send signals still do.
  mutating func enter() {
    guard !isOn else { return }
    isOn = true
    if hasKeys {
      var raw = before
      raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
      tcsetattr(0, TCSADRAIN, &raw)
    }
    Terminal.raw("\u{1b}[?1049h\u{1b}[?25l")
  }

  mutating func leave() {
    guard isOn else { return }
    isOn = false
    Terminal.raw("\u{1b}[?25h\u{1b}[?1049l")
    if hasKeys { tcsetattr(0, TCSADRAIN, &before) }
  }

  /// Over what is there, without clearing it first, and shown by the terminal as one: nothing flickers.
  func draw(_ lines: [Dashboard.Line]) {
    let text = lines.map { line in
      let code = hasColour ? Self.code(line.tone) : ""
      return code.isEmpty ? "\(line.text)\u{1b}[K" : "\u{1b}[\(code)m\(line.text)\u{1b}[0m\u{1b}[K"
    }.joined(separator: "\r\n")
    Terminal.raw("\u{1b}[?2026h\u{1b}[H\(text)\u{1b}[J\u{1b}[?2026l")
  }

  private static func code(_ tone: Dashboard.Tone) -> String {
    switch tone {
    case .plain: ""
    case .strong: "1"
    case .good: "32"
    case .doubtful: "33"
    case .bad: "31"
    case .faint: "2"
    }
  }
}
