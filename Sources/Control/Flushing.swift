import Core
import Outbound

extension RequestHandler {
  /// - Parameter streams: nil: every one.
  func flush(_ streams: [StreamName]?) async throws -> Answer {
    // All at once: one that waits long keeps no other waiting.
    let left = try await withThrowingTaskGroup(of: (StreamName, [String]).self) { [sending] group in
      for lane in lanes.streams where streams?.contains(lane.name) ?? true {
        group.addTask { (lane.name, try await lane.ahead { try $0.flushNow(sending: sending) }) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    var answer = Answer()
    let unknown = (streams ?? []).filter { left[$0] == nil }
    if unknown.isEmpty, left.values.allSatisfy(\.isEmpty) { return Answer(lines: ["rotated and sealed"]) }
    for (stream, reasons) in left.sorted(by: { $0.key < $1.key }) {
      if reasons.isEmpty { answer.lines.append("stream \(stream): rotated and sealed") }
      for reason in reasons { answer.refuse("stream \(stream): not all is sealed: \(reason)") }
    }
    for stream in unknown { answer.refuse("There is no stream \(stream)") }
    return answer
  }
}
