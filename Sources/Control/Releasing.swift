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
    let refusal = try await stream.ahead { try $0.release(batch, by: who) }
    if let refusal { return Answer(lines: ["\(batch): \(refusal)"], isRefused: true) }
    return Answer(lines: ["\(batch): its plan is made anew; it is sent as it was sealed"])
  }
}
