import Core
import Inbound
import Outbound

extension RequestHandler {
  func release(_ drop: DropID, by who: Requester, asBaseline: Bool) async throws -> Answer {
    try await answer {
      try await feed(of: drop).ahead { try $0.release(drop, by: who, asBaseline: asBaseline) }
    } saying: {
      "\(drop): released; it is checked once more, and what was found before passes"
        + (asBaseline ? ". Drops that come later are compared with it" : "")
    }
  }

  func release(_ batch: BatchID, by who: Requester) async throws -> Answer {
    guard let stream = lanes.stream(batch.stream) else {
      return Answer(lines: ["\(batch): there is no such stream"], isRefused: true)
    }
    switch try await stream.ahead({ try $0.release(batch, by: who) }) {
    case .refused(let why): return Answer(lines: ["\(batch): \(why)"], isRefused: true)
    case .planned: return Answer(lines: ["\(batch): its plan is made anew; it is sent as it was sealed"])
    case .schema(let batches):
      let others = batches.count > 1 ? ", and \(counted(batches.count - 1, "batch")) behind it" : ""
      let columns = "; batches with these columns go there from now on"
      return Answer(lines: ["\(batch): released\(others): \(sending ? "sent" : "sent when an agent runs")\(columns)"])
    }
  }
}
