public import Core
public import Inbound
public import Outbound
public import Spool

/// The lanes that requests are carried out in: those of an agent, or of a command that stands in for one.
public protocol RequestedLanes: Sendable {
  var feeds: [FeedLane] { get }
  var streams: [StreamLane] { get }
  var clock: ClockTrust { get }
  var suspects: Suspects { get }
  /// Asks every lane for a pass.
  func wake()
  /// Feeds that left their store alone ask it now. - Returns: how many.
  func fetchAgain() async -> Int
}

extension RequestedLanes {
  public func feed(_ name: FeedName) -> FeedLane? { feeds.first { $0.name == name } }
  public func stream(_ name: StreamName) -> StreamLane? { streams.first { $0.name == name } }
}

/// Carries out what people ask, each request on its own.
public struct RequestHandler: Sendable {
  let lanes: any RequestedLanes
  let sending: Bool

  /// - Parameter sending: false where no agent runs: the next one sends.
  public init(lanes: any RequestedLanes, sending: Bool) { (self.lanes, self.sending) = (lanes, sending) }

  /// What cannot be done for reasons of its own is said in the answer.
  /// - Throws: faults of the ledger and of the disk: the request is to be tried again.
  public func carryOut(_ request: Request) async throws -> Answer {
    switch request {
    case .flush(let streams): try await flush(streams)
    case .retry(let ids?): try await retry(ids)
    case .retry(nil): try await retryAll()
    case .release(let drop, let who, let baseline): try await release(drop, by: who, asBaseline: baseline == true)
    case .releaseBatch(let batch, let who): try await release(batch, by: who)
    case .believeClock(let who): believeClock(by: who)
    case .pause(let names, let who): try await turn(names, by: who, stopping: true)
    case .resume(let names, let who): try await turn(names, by: who, stopping: false)
    case .purge(let drops, let batches, let who, let remote):
      try await purge(drops, batches, who, remote: remote == true)
    case .purgeFeed(let feed, let time, let who): try await purge(feed, before: time, by: who)
    }
  }

  func answer(_ work: () async throws -> Void, saying text: () -> String) async throws -> Answer {
    do {
      try await work()
      return Answer(lines: [text()])
    } catch let refusal as OperatorRefusal {
      return Answer(lines: ["\(refusal)"], isRefused: true)
    }
  }

  /// Whose drop it is: the places tell, whatever its lane does now.
  func feed(of drop: DropID) throws -> FeedLane {
    for lane in lanes.feeds where try lane.holds(drop) { return lane }
    throw OperatorRefusal.unknownDrop(drop)
  }

  private func believeClock(by who: Requester) -> Answer {
    guard lanes.clock.believe() else { return Answer(lines: ["nobody doubts the clock"]) }
    lanes.wake()
    return Answer(lines: ["the clock is believed, by \(who.name): what has been kept for long enough is deleted"])
  }
}
