import Core
import Inbound
import Outbound

extension RequestHandler {
  func purge(_ drops: [DropID], _ batches: [BatchID], _ who: Requester) async throws -> Answer {
    var answer = Answer()
    for drop in drops {
      let one = try await self.answer {
        try await feed(of: drop).ahead { try $0.purge(drop, by: who) }
      } saying: {
        "\(drop): its data is deleted"
      }
      answer.add(one)
    }
    for batch in batches {
      let purged = try await lanes.stream(batch.stream)?.ahead {
        try await $0.purge(batch, by: who.name, reason: who.reason)
      }
      guard let purged = purged ?? nil else {
        answer.refuse("\(batch): there is no such batch, or it was purged before")
        continue
      }
      let what = purged.place.map { "its object is deleted from \($0.rawValue)" } ?? "its folder was gone before"
      answer.lines.append("\(batch): \(what); its records are not sent again")
      for store in purged.confirmedBy {
        answer.lines.append("  store \(store) has confirmed it: what lies there has to be deleted there")
      }
      for store in purged.perhapsAt {
        answer.lines.append("  store \(store) was being sent it and may have it: look there")
      }
      for log in purged.logs { answer.lines.append("  its records are still in \(log.path), \(Self.words(log.why))") }
    }
    return answer
  }

  private static func words(_ why: Purged.Log.Why) -> String {
    switch why {
    case .notOurs: "which is not ours to change"
    case .open: "which its writer has open: it is deleted when it lets go, and all of it is confirmed or purged"
    case .unsent: "with others that no store has confirmed yet: it is deleted when all of it is confirmed or purged"
    }
  }

  func purge(_ feed: FeedName, before time: Timestamp, by who: Requester) async throws -> Answer {
    var count = 0
    return try await answer {
      guard let lane = lanes.feed(feed) else { throw OperatorRefusal.unknownFeed(feed) }
      count = try await lane.ahead { try $0.purge(before: time, by: who) }
    } saying: {
      "\(feed): the data of \(counted(count, "drop")) seen before \(time.iso()) is deleted"
    }
  }
}
