import Core
import Inbound
import Outbound

extension RequestHandler {
  func retry(_ ids: [String]) async throws -> Answer {
    var answer = Answer()
    var batches: Set<BatchID> = []
    for text in ids {
      if let drop = DropID(text) {
        let one = try await self.answer {
          try await feed(of: drop).ahead { try $0.retry(drop) }
        } saying: {
          "\(drop): checked again"
        }
        answer.add(one)
      } else if let batch = BatchID(text) {
        batches.insert(batch)
      } else if lanes.suspects.forgive(named: text, at: SystemClock.wall()) {
        answer.lines.append("\(text): tried again")
        lanes.wake()
      } else {
        answer.refuse("\(text): neither a drop (20260304T101500Z-9f2c41) nor a batch (opens-000042)")
      }
    }
    guard !batches.isEmpty else { return answer }
    let retried = try await retry(batches)
    answer.lines += retried.batches.sorted().map { "\($0): \(sending ? "due now" : "due when an agent runs")" }
    if sending, !retried.batches.isEmpty { answer.lines.append(Self.begun(retried)) }
    for (batch, why) in retried.damaged.sorted(by: { $0.key < $1.key }) {
      answer.refuse(
        "\(batch): it is damaged, and cannot be sent. \(why). Put its files back from a backup; or have its plan made anew from the ledger: navette release \(batch) --reason TEXT; or give it up: navette purge --batch \(batch)"
      )
    }
    for batch in retried.undecided {
      answer.refuse(
        "\(batch): its columns have changed, which somebody must decide about: navette show \(batch), then navette release \(batch) --reason TEXT"
      )
    }
    for batch in retried.unknown { answer.refuse("\(batch): neither held nor waiting for a store") }
    return answer
  }

  /// - Parameter batches: nil: all.
  private func retry(_ batches: Set<BatchID>?) async throws -> Retried {
    var all = Retried()
    for lane in lanes.streams {
      let mine = batches.map { $0.filter { $0.stream == lane.name } }
      if mine?.isEmpty == true { continue }
      all.add(try await lane.ahead { [sending] in try $0.retry(mine, sending: sending) })
    }
    let names = Set(lanes.streams.map(\.name))
    all.add(unknown: (batches ?? []).filter { !names.contains($0.stream) })
    return all
  }

  func retryAll() async throws -> Answer {
    lanes.suspects.forgiveAll(at: SystemClock.wall())
    var drops = 0
    for lane in lanes.feeds { drops += try await lane.ahead { try $0.retryAll() } }
    let fetching = await lanes.fetchAgain()
    let retried = try await retry(nil)
    let batches = counted(retried.batches.count, "batch")
    let due = sending ? "due now: \(Self.begun(retried))" : "due when an agent runs"
    var answer = Answer(lines: ["\(counted(drops, "held drop")) checked again, \(batches) \(due)"])
    if fetching > 0 {
      answer.lines.append("stores that were left alone are asked again for \(counted(fetching, "feed"))")
    }
    if !retried.undecided.isEmpty {
      answer.lines.append(
        "\(counted(retried.undecided.count, "batch")) of which the columns have changed stay held: navette batches --state held, then navette release"
      )
    }
    return answer
  }

  private static func begun(_ retried: Retried) -> String {
    let before = retried.underWay > 0 ? ", \(retried.underWay) under way before" : ""
    return "\(counted(retried.started, "transfer")) started\(before)"
  }
}
