import Core
import Inbound
import Outbound

extension RequestHandler {
  func purge(_ drops: [DropID], _ batches: [BatchID], _ who: Requester, remote: Bool) async throws -> Answer {
    var answer = Answer()
    for drop in drops {
      let one = try await self.answer {
        try await feed(of: drop).ahead { try $0.purge(drop, by: who) }
      } saying: {
        "\(drop): its data is deleted"
      }
      answer.add(one)
    }
    for batch in batches { answer.add(try await purge(batch, who, remote: remote)) }
    return answer
  }

  private func purge(_ batch: BatchID, _ who: Requester, remote: Bool) async throws -> Answer {
    var answer = Answer()
    let purged = try await lanes.stream(batch.stream)?.ahead {
      try await $0.purge(batch, by: who.name, reason: who.reason)
    }
    let removals =
      remote
      ? try await lanes.stream(batch.stream)?.ahead {
        try await $0.remove(batch, by: who.name, reason: who.reason)
      } : nil
    if let purged = purged ?? nil {
      let what = purged.place.map { "its object is deleted from \($0.rawValue)" } ?? "its folder was gone before"
      answer.lines.append("\(batch): \(what); its records are not sent again")
      if !remote {
        for store in purged.confirmedBy {
          answer.lines.append(
            "  store \(store) has confirmed it: delete it there, or have it deleted: the same command with --remote")
        }
        for store in purged.perhapsAt {
          answer.lines.append("  store \(store) was being sent it and may have it: look there, or add --remote")
        }
      }
      for log in purged.logs { answer.lines.append("  its records are still in \(log.path), \(Self.words(log.why))") }
    } else if removals ?? nil != nil {
      answer.lines.append("\(batch): its object was deleted here before")
    } else {
      answer.refuse("\(batch): there is no such batch, or it was purged before")
    }
    if let removals = removals ?? nil { Self.tell(removals, of: batch, &answer) }
    return answer
  }

  private static func tell(_ removals: [StoreName: Removal], of batch: BatchID, _ answer: inout Answer) {
    if removals.isEmpty { answer.lines.append("  no store has it") }
    for (store, removal) in removals.sorted(by: { $0.key < $1.key }) {
      switch removal {
      case .deleted: answer.lines.append("  store \(store): deleted there")
      case .absent: answer.lines.append("  store \(store): it was not there any more")
      case .left(let why):
        answer.refuse("  store \(store): it is still there. \(why). Mend that, then the same command again")
      }
    }
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
