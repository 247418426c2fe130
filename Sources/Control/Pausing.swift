import Core
import Inbound
import Outbound

extension RequestHandler {
  /// Pauses them, or lets them go on.
  func turn(_ names: [String], by who: Requester, stopping: Bool) async throws -> Answer {
    var answer = Answer()
    for text in names {
      var found = false
      if let name = FeedName(text), let lane = lanes.feed(name) {
        found = true
        let changed = try await lane.ahead { try stopping ? $0.pause(by: who) : $0.resume(by: who) }
        answer.lines.append("feed \(name): \(Self.turned(stopping, changed))")
      }
      if let name = StreamName(text), let lane = lanes.stream(name) {
        found = true
        let changed = try await lane.ahead { try stopping ? $0.pause(by: who) : $0.resume() }
        answer.lines.append("stream \(name): \(Self.turned(stopping, changed))")
      }
      if !found { answer.refuse("There is no feed and no stream \(text)") }
    }
    return answer
  }

  private static func turned(_ stopping: Bool, _ changed: Bool) -> String {
    switch (stopping, changed) {
    case (true, true): "paused, until `navette resume`"
    case (true, false): "was paused before"
    case (false, true): "goes on"
    case (false, false): "was not paused"
    }
  }
}
