import Core
import Files
import Inbound
import Journal
import Outbound
import Spool
import SystemPackage
import TestKit
import Testing

@testable import Control

/// Lanes of nothing.
private struct NoLanes: RequestedLanes {
  var feeds: [FeedLane] { [] }
  var streams: [StreamLane] { [] }
  let clock: ClockTrust
  let suspects = Suspects.none
  func wake() {}
  func fetchAgain() async -> Int { 0 }
}

private struct Silence: EventSink {
  func record(_ event: Event) {}
}

@Suite("Requests")
struct RequestQueueTests {
  private let folder: TemporaryFolder
  private let files = LinuxFiles()
  private let state: StateFolder
  private let queue: RequestQueue
  private let events = Silence()
  private let now = Timestamp(nanoseconds: 1_772_000_000_000_000_000)

  init() throws {
    folder = try TemporaryFolder()
    state = StateFolder(folder.path)
    queue = RequestQueue(state: state, files: files)
    try queue.prepare()
  }

  private var handler: RequestHandler {
    let clock = ClockTrust(at: state.clock, files, events, lastKnown: nil)
    return RequestHandler(lanes: NoLanes(clock: clock), sending: true)
  }

  private func put(_ name: String, _ bytes: [UInt8]) throws {
    let file = try files.create(state.requests.appending(name), mode: .stateFile)
    try bytes.withUnsafeBytes { try file.write($0) }
  }

  @Test("What is asked is found, and its answer comes when it was carried out")
  func roundTrip() async throws {
    let request = Request.pause(lanes: ["nobody"], by: Requester("j.doe", reason: "a test"))
    let path = try queue.post(request, at: now)
    #expect(try queue.answer(to: path) == nil)
    let found = try queue.open()
    #expect(found.map(\.request) == [request])
    for file in found { try await queue.answer(file, by: handler, events) }
    #expect(try queue.answer(to: path) == Answer(lines: ["There is no feed and no stream nobody"], isRefused: true))
    #expect(try files.list(state.requests).isEmpty)
  }

  @Test("Each request has an answer of its own, whatever the one before it was")
  func each() async throws {
    try put("1.json", Array("{}".utf8))
    try put("2.json", [UInt8](repeating: 0x20, count: Limits.requestBytes + 1))
    try files.ensureDirectory(state.requests.appending("3.json"))
    let path = try queue.post(.believeClock(by: Requester("j.doe", reason: "a test")), at: now)
    let found = try queue.open()
    #expect(found.count(where: { $0.request == nil }) == found.count - 1)
    for file in found { try await queue.answer(file, by: handler, events) }
    let strange = Answer(lines: ["this agent does not understand the request"], isRefused: true)
    #expect(try queue.answer(to: state.requests.appending("1.json")) == strange)
    #expect(try queue.answer(to: state.requests.appending("2.json")) == strange)
    #expect(try queue.answer(to: path) == Answer(lines: ["nobody doubts the clock"]))
    #expect(try queue.open().isEmpty)
  }

  @Test("Answers that nobody fetches are taken away, and no others")
  func tidy() throws {
    try put("old.answer", Array("{}".utf8))
    try put("new.json", Array("{}".utf8))
    let written = Timestamp(nanoseconds: try #require(try files.info(state.requests.appending("old.answer"))).modified)
    try queue.tidy(at: written + Limits.answerLife)
    #expect(try files.list(state.requests).count == 2)
    try queue.tidy(at: written + Limits.answerLife + .seconds(1))
    #expect(try files.list(state.requests) == ["new.json"])
  }

  @Test("A command gets the answer of the agent, and does not wait for ever")
  func client() async throws {
    let client = ControlClient(state, files)
    let request = Request.retry(ids: ["nothing"])
    #expect(try await client.ask(request, patience: .zero) == nil)
    for file in try queue.open() { try await queue.answer(file, by: handler, events) }
    async let answer = client.ask(request, patience: .seconds(600))
    var found: [RequestQueue.RequestFile] = []
    while found.isEmpty {
      await Task.yield()
      found = try queue.open().filter { $0.request != nil }
    }
    for file in found { try await queue.answer(file, by: handler, events) }
    let refused = "nothing: neither a drop (20260304T101500Z-9f2c41) nor a batch (opens-000042)"
    #expect(try await answer == Answer(lines: [refused], isRefused: true))
  }
}
