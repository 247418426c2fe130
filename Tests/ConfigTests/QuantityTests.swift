import Testing

@testable import Config

@Suite("Sizes, times and numbers")
struct QuantityTests {
  @Test(
    "sizes are exact up to the largest that fits",
    arguments: [
      ("0", 0), ("17", 17), ("17B", 17), ("10KB", 10_000), ("10MB", 10_000_000), ("256MiB", 256 << 20),
      ("20GiB", 20 << 30), ("1TB", 1_000_000_000_000), ("9223372036854775807", UInt64(Int64.max)),
      ("8388607TiB", 8_388_607 << 40),
    ] as [(String, UInt64)])
  func sizes(text: String, bytes: UInt64) { #expect(Quantities.size(text) == bytes) }

  @Test(
    "what is no size, or does not fit, is none",
    arguments: [
      "", "MiB", "-1", "+1", "1.5GiB", "1 MiB", "1mib", "1Mi", "0x10", "٣MiB", "9223372036854775808", "8388608TiB",
      "18446744073709551616", "99999999999999999999TiB",
    ])
  func noSizes(text: String) { #expect(Quantities.size(text) == nil) }

  @Test(
    "times are exact",
    arguments: [
      ("0s", .zero), ("250ms", .milliseconds(250)), ("30s", .seconds(30)), ("15m", .seconds(900)),
      ("4h", .seconds(14_400)),
      ("30d", .seconds(2_592_000)), ("36500d", .seconds(36_500 * 86_400)),
    ] as [(String, Duration)])
  func times(text: String, duration: Duration) { #expect(Quantities.duration(text) == duration) }

  @Test(
    "what is no time, or longer than a hundred years, is none",
    arguments: [
      "", "0", "30", "s", "-1s", "1.5h", "1h30m", "1 h", "30S", "2w", "36501d", "9223372036854775807d",
      "18446744073709551615ms",
      "99999999999999999999s",
    ])
  func noTimes(text: String) { #expect(Quantities.duration(text) == nil) }

  @Test("numbers, modes, times of day and shares refuse what only looks like them")
  func others() {
    #expect(Quantities.integer("-5") == -5)
    #expect(["", "-", "+1", "1_0", "0x1", "1.0", "9223372036854775808"].allSatisfy { Quantities.integer($0) == nil })
    #expect(["0660", "660", "0o660"].map(Quantities.mode) == [0o660, 0o660, 0o660])
    #expect(["", "66", "0888", "1777", "00660", "-660", "0x66"].allSatisfy { Quantities.mode($0) == nil })
    #expect(Quantities.timeOfDay("23:59") == TimeOfDay(hour: 23, minute: 59))
    #expect(["24:00", "6:00", "06:60", "0600", "-1:00", "06:0a"].allSatisfy { Quantities.timeOfDay($0) == nil })
    #expect(Quantities.percent("50%") == 50)
    #expect(["50", "0%", "1001%", "-5%", "%"].allSatisfy { Quantities.percent($0) == nil })
  }

  @Test("sizes and times are told in their largest exact unit")
  func texts() {
    #expect(Quantities.text(.seconds(5_400)) == "90m")
    #expect(Quantities.text(.milliseconds(1_500)) == "1500ms")
    #expect(Quantities.text(.zero) == "0s")
    #expect(Quantities.text(bytes: 1 << 40) == "1TiB")
    #expect(Quantities.text(bytes: 1_000) == "1000")
  }
}

@Suite("The nearest known key")
struct KeyTextTests {
  @Test("is found through one or two slips, and not through more")
  func nearest() {
    let known = ["landing", "handover", "handover_name", "mode"]
    #expect(KeyText.nearest("handovr", among: known) == "handover")
    #expect(KeyText.nearest("lnading", among: known) == "landing")
    #expect(KeyText.nearest("MODE", among: known) == "mode")
    #expect(KeyText.nearest("handover-name", among: known) == "handover_name")
    #expect(KeyText.nearest("colour", among: known) == nil)
    #expect(KeyText.edits("ab", "ba") == 1)
    #expect(KeyText.edits("", "abc") == 3)
  }

  @Test("a key is shown only as far as it looks like a key")
  func safe() {
    #expect(KeyText.safe("max_age") == "max_age")
    #expect(KeyText.safe("secret_access_key:abc") == "secret_access_key…")
    #expect(KeyText.safe("a@example.com") == "a…")
  }
}
