import Core
import Threads

/// Runs an operator's command, its output thrown away, for at most so long.
enum Reopening {
  /// - Returns: what went wrong; nil where the command ended with 0.
  static func run(_ argv: [String]) -> String? {
    guard let program = argv.first else { return nil }
    do {
      switch try Child(argv).wait(atMost: Limits.reopenTimeout) {
      case .status(0): return nil
      case .status(let code): return "\(program) ended with \(code)"
      case .signal(let number): return "\(program) was ended by signal \(number)"
      case .unknown: return "\(program) ended, and nobody knows how"
      case nil: return "\(program) did not end within \(Limits.reopenTimeout.milliseconds / 1000) s"
      }
    } catch {
      return "\(program): \(error)"
    }
  }
}
