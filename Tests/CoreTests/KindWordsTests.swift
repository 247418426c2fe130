import Core
import Testing

/// Programs of others compare these words: one that changes is told in the change log.
@Suite("Kinds of faults are words of a closed list") struct KindWordsTests {
  @Test("each kind is one of them, and says nothing else") func words() {
    #expect(
      StoreKind.allCases.map { "\($0)" } == [
        "unreachable", "throttled", "untrusted", "expired", "denied", "unproven", "wrong_place", "forbidden", "full",
        "refused",
        "mismatch",
      ])
    #expect(
      FileKind.allCases.map { "\($0)" } == [
        "missing", "exists", "denied", "full", "cross_device", "damaged", "io", "hung", "exhausted",
      ])
    #expect(
      LedgerKind.allCases.map { "\($0)" } == ["damaged", "busy", "full", "denied", "io", "newer", "older"])
    #expect("\(StoreKind.throttled(afterMilliseconds: 1_000))" == "throttled")
    // In fields and messages they are met as `Any`, too.
    #expect(String(describing: StoreKind.throttled(afterMilliseconds: 1_000)) == "throttled")
  }

  @Test("a sentence that ends in a full stop gets no second one, and an empty reason leaves no colon") func sentences()
  {
    func text(_ why: String, _ remedy: String?) -> String {
      StoreFault(.refused, "Cannot upload to", at: "s3://b/k", why: why, remedy: remedy).description
    }
    #expect(
      text("use its own endpoint.", "Set the region")
        == "Cannot upload to s3://b/k: use its own endpoint. Set the region")
    #expect(text("no", "Set the region") == "Cannot upload to s3://b/k: no. Set the region")
    #expect(text("", "Set the region") == "Cannot upload to s3://b/k. Set the region")
    #expect(text("no", "") == "Cannot upload to s3://b/k: no")
    #expect(text("", nil) == "Cannot upload to s3://b/k")
  }
}
