import Core
import Formats
import Journal
import Threads

/// Tells the events of the demonstration as they come, without times and without the folder that all paths share.
final class DemoSink: EventSink {
  private let root: String
  private let lines = Locked<[String]>([])

  init(root: String) { self.root = root }

  func record(_ event: Event) {
    let counts = [(Event.Field.rows, "row"), (.bytes, "byte")].compactMap { field, noun in
      event.fields[field].flatMap { Int($0) }.map { ", \(counted($0, noun))" }
    }
    let text = event.message.replacing(root + "/", with: "")
    lines.withLock { $0.append("  \(event.kind.rawValue.padded(18)) \(text)\(counts.joined())") }
  }

  func take() -> [String] {
    lines.withLock { lines in
      defer { lines = [] }
      return lines
    }
  }
}

extension String {
  fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
