import Core
import Files
import Inbound
import Ledger
import Outbound

/// Carries out what people ask, in the lanes of the agent or of a command that stands in for it.
struct RequestHandler {
  let lanes: LaneSet
  /// False where no agent runs: the next one sends.
  let sending: Bool

  /// What cannot be done for reasons of its own is said in the answer.
  /// - Throws: faults of the ledger and of the disk: the request is to be tried again.
  func carryOut(_ request: Request) async throws -> Answer {
    switch request {
    case .flush(let streams):
      // All at once: one that waits long keeps no other waiting.
      try await withThrowingTaskGroup(of: Void.self) { [sending] group in
        for lane in lanes.streams where streams?.contains(lane.name) ?? true {
          group.addTask { try await lane.ahead { try $0.flushNow(sending: sending) } }
        }
        try await group.waitForAll()
      }
      return Answer(lines: ["rotated and sealed"])
    case .retry(let ids?): return try await retry(ids)
    case .retry(nil): return try await retryAll()
    case .release(let drop, let who):
      return try await answer {
        try await feed(of: drop).ahead { try $0.release(drop, by: who) }
      } saying: {
        "\(drop): released; it is checked once more, and what was found before passes"
      }
    case .releaseBatch(let batch, let who):
      guard let stream = lanes.stream(batch.stream) else {
        return Answer(lines: ["\(batch): there is no such stream"], isRefused: true)
      }
      let refusal = try await stream.ahead { try $0.release(batch, by: who) }
      if let refusal { return Answer(lines: ["\(batch): \(refusal)"], isRefused: true) }
      return Answer(lines: ["\(batch): its plan is made anew; it is sent as it was sealed"])
    case .believeClock(let who):
      guard lanes.clock.believe() else { return Answer(lines: ["nobody doubts the clock"]) }
      lanes.wake()
      return Answer(lines: ["the clock is believed, by \(who.name): what has been kept for long enough is deleted"])
    case .pause(let names, let who): return try await turn(names, by: who, stopping: true)
    case .resume(let names, let who): return try await turn(names, by: who, stopping: false)
    case .purge(let drops, let batches, let who): return try await purge(drops, batches, who)
    case .purgeFeed(let feed, let time, let who):
      var count = 0
      return try await answer {
        guard let lane = lanes.feed(feed) else { throw OperatorRefusal.unknownFeed(feed) }
        count = try await lane.ahead { try $0.purge(before: time, by: who) }
      } saying: {
        "\(feed): the data of \(counted(count, "drop")) seen before \(time.iso()) is deleted"
      }
    }
  }

  private func answer(_ work: () async throws -> Void, saying text: () -> String) async throws -> Answer {
    do {
      try await work()
      return Answer(lines: [text()])
    } catch let refusal as OperatorRefusal {
      return Answer(lines: ["\(refusal)"], isRefused: true)
    }
  }

  /// Whose drop it is: the places tell, whatever its lane does now.
  private func feed(of drop: DropID) throws -> FeedLane {
    for lane in lanes.feeds where try lane.holds(drop) { return lane }
    throw OperatorRefusal.unknownDrop(drop)
  }

  // MARK: - Retry

  private func retry(_ ids: [String]) async throws -> Answer {
    var answer = Answer()
    var batches: Set<BatchID> = []
    for text in ids {
      if let drop = DropID(text) {
        let one = try await self.answer {
          try await feed(of: drop).ahead { try $0.retry(drop) }
        } saying: {
          "\(drop): checked again"
        }
        answer.lines += one.lines
        answer.isRefused = answer.isRefused || one.isRefused
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

  private func retryAll() async throws -> Answer {
    lanes.suspects.forgiveAll(at: SystemClock.wall())
    var drops = 0
    for lane in lanes.feeds { drops += try await lane.ahead { try $0.retryAll() } }
    let retried = try await retry(nil)
    let batches = counted(retried.batches.count, "batch")
    let due = sending ? "due now: \(Self.begun(retried))" : "due when an agent runs"
    return Answer(lines: ["\(counted(drops, "held drop")) checked again, \(batches) \(due)"])
  }

  private static func begun(_ retried: Retried) -> String {
    let before = retried.underWay > 0 ? ", \(retried.underWay) under way before" : ""
    return "\(counted(retried.started, "transfer")) started\(before)"
  }

  // MARK: - Pause and resume

  private func turn(_ names: [String], by who: Requester, stopping: Bool) async throws -> Answer {
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

  // MARK: - Purge

  private func purge(_ drops: [DropID], _ batches: [BatchID], _ who: Requester) async throws -> Answer {
    var answer = Answer()
    for drop in drops {
      let one = try await self.answer {
        try await feed(of: drop).ahead { try $0.purge(drop, by: who) }
      } saying: {
        "\(drop): its data is deleted"
      }
      answer.lines += one.lines
      answer.isRefused = answer.isRefused || one.isRefused
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
      for log in purged.logs { answer.lines.append("  its records are still in \(log), which is not ours to change") }
    }
    return answer
  }
}
