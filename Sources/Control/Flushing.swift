import Core
import Outbound

extension RequestHandler {
  /// - Parameter streams: nil: every one.
  func flush(_ streams: [StreamName]?) async throws -> Answer {
    // All at once: one that waits long keeps no other waiting.
    try await withThrowingTaskGroup(of: Void.self) { [sending] group in
      for lane in lanes.streams where streams?.contains(lane.name) ?? true {
        group.addTask { try await lane.ahead { try $0.flushNow(sending: sending) } }
      }
      try await group.waitForAll()
    }
    return Answer(lines: ["rotated and sealed"])
  }
}
