import Core
import Lanes
import Testing

@Suite struct ItemOutcomeTests {
  @Test("Only what is done goes to the next step")
  func value() {
    #expect(ItemOutcome.done(1).value == 1)
    #expect(ItemOutcome.done(1).isDone)
    for outcome in [
      ItemOutcome<Int>.waits(until: .seconds(1), why: "it is open"), .setAside(Reason(.damaged, "no plan")), .gone,
    ] {
      #expect(outcome.value == nil)
      #expect(!outcome.isDone)
    }
  }

  @Test("What waits, lies aside or is gone stays so, whatever is made of the others")
  func map() {
    #expect(ItemOutcome.done(1).map { $0 + 1 } == .done(2))
    let wait = ItemOutcome<Int>.waits(until: .seconds(1), why: "it is open")
    #expect(wait.map { "\($0)" } == .waits(until: .seconds(1), why: "it is open"))
    #expect(
      ItemOutcome<Int>.setAside(Reason(.damaged, "no plan")).map(String.init) == .setAside(Reason(.damaged, "no plan")))
    #expect(ItemOutcome<Int>.gone.map(String.init) == .gone)
  }
}
