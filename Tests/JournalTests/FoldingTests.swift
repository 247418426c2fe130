import Core
import Testing

@testable import Journal

@Suite("Repeats of one fault are folded with a count")
struct FoldingTests {
  func retry(_ reason: String = "timeout", stream: String = "opens", batch: String = "opens-000001") -> Event {
    Event(.uploadRetry, "Upload failed", [.stream: stream, .batch: batch, .store: "aep", .reason: reason])
  }

  @Test func theFirstIsSaidAtOnceAndTheRestCounted() {
    var folding = Folding(length: .seconds(60))
    #expect(folding.take(retry(), at: .seconds(0)) == [retry()])
    #expect(folding.take(retry(batch: "opens-000002"), at: .seconds(10)).isEmpty)
    #expect(folding.take(retry(batch: "opens-000003"), at: .seconds(59)).isEmpty)
    let said = folding.expire(at: .seconds(60))
    #expect(said.map(\.message) == ["Upload failed (2 times more in 60 s)"])
    #expect(said.first?.fields[.repeats] == "2")
    #expect(said.first?.fields[.batch] == "opens-000003")
  }

  @Test func aFaultThatLastsIsSaidOncePerWindow() {
    var folding = Folding(length: .seconds(60))
    var said = 0
    for second in 0..<600 { said += folding.take(retry(), at: .seconds(second)).count }
    // The first, and a count at the end of each of nine full windows.
    #expect(said == 10)
    #expect(folding.finish(at: .seconds(600)).count == 1)
  }

  @Test func aWindowWithoutRepeatsClosesInSilence() {
    var folding = Folding(length: .seconds(60))
    _ = folding.take(retry(), at: .seconds(0))
    #expect(folding.expire(at: .seconds(60)).isEmpty)
    #expect(folding.take(retry(), at: .seconds(61)) == [retry()])
  }

  @Test func anotherReasonOrLaneIsAnotherFault() {
    var folding = Folding(length: .seconds(60))
    _ = folding.take(retry(), at: .seconds(0))
    #expect(folding.take(retry("refused"), at: .seconds(1)) == [retry("refused")])
    #expect(folding.take(retry(stream: "clicks"), at: .seconds(1)) == [retry(stream: "clicks")])
  }

  @Test func theAuditTrailIsNeverFolded() {
    var folding = Folding(length: .seconds(60))
    let confirmed = Event(.batchConfirmed, "Safe", [.stream: "opens"])
    for _ in 0..<3 { #expect(folding.take(confirmed, at: .zero) == [confirmed]) }
  }

  @Test func aLaneThatResumesTellsItsCountsFirst() {
    var folding = Folding(length: .seconds(60))
    for stream in ["opens", "clicks"] {
      for _ in 0..<2 { _ = folding.take(retry(stream: stream), at: .seconds(0)) }
    }
    let resumed = Event(.laneResumed, "On again", [.stream: "opens"])
    let said = folding.take(resumed, at: .seconds(7))
    #expect(said.map(\.message) == ["Upload failed (once more in 7 s)", "On again"])
    #expect(folding.finish(at: .seconds(8)).map { $0.fields[.stream] } == ["clicks"])
  }

  @Test func faultsThatNeverRepeatTakeBoundedMemory() {
    var folding = Folding(length: .seconds(60), capacity: 4)
    for _ in 0..<2 { _ = folding.take(retry("first"), at: .zero) }
    for number in 0..<3 { _ = folding.take(retry("r\(number)"), at: .seconds(1)) }
    let said = folding.take(retry("one too many"), at: .seconds(2))
    #expect(said.map { $0.fields[.reason] } == ["first", "one too many"])
  }
}
