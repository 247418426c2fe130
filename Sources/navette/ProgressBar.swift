import Core
import Glibc

/// One line on standard error that shows how far a command has come, where a person looks at it; elsewhere nothing.
final class ProgressBar {
  private let isShown = isatty(2) == 1
  private var isOnScreen = false
  private var drawnAt: Duration?

  func show(_ done: UInt64, of all: UInt64, _ text: String) {
    guard isShown else { return }
    let now = SystemClock.uptime()
    // The last one is drawn always.
    if let drawnAt, now - drawnAt < Limits.barPause, done < all { return }
    drawnAt = now
    isOnScreen = true
    let share = all == 0 ? 1 : min(1, Double(done) / Double(all))
    let full = Int((share * 30).rounded(.down))
    let bar = String(repeating: "=", count: full) + String(repeating: " ", count: 30 - full)
    Terminal.draw("\r[\(bar)] \(Int((share * 100).rounded(.down))) %  \(text)\u{1b}[K")
  }

  func clear() {
    guard isOnScreen else { return }
    isOnScreen = false
    Terminal.draw("\r\u{1b}[K")
  }
}
