import Core
import Testing

@Suite("Numbers and what they count")
struct WordsTests {
  @Test func oneIsNotMany() {
    #expect(
      counted(1, "drop") == "1 drop" && counted(0, "drop") == "0 drops" && counted(UInt64(12), "drop") == "12 drops")
    #expect(
      counted(1, "batch") == "1 batch" && counted(2, "batch") == "2 batches"
        && counted(2, "held drop") == "2 held drops")
    #expect(
      counted(2, "entry") == "2 entries" && counted(2, "day") == "2 days" && counted(2, "address") == "2 addresses")
  }

  @Test func whatIsPutOffIsNeverPutOffForNothing() {
    #expect(
      soon(.milliseconds(1)) == "in 1 s" && soon(.milliseconds(1_001)) == "in 2 s" && soon(.seconds(300)) == "in 300 s")
    #expect(soon(.zero) == "at once" && soon(.seconds(-3)) == "at once")
  }
}
