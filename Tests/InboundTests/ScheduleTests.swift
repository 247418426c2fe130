import TestKit
import Testing

/// One case for each seed: nothing in a schedule ever waits, and tests with a clock to keep want the thread, too.
@Suite("Inbound, any schedule of those who send and collect")
struct ScheduleTests {
  static let seeds: [UInt64] = Seeds.chosen(Array(1...30) + [38, 45, 56, 2615])

  @Test(
    "Each file is handed over once, whole, or in quarantine, whatever others do between two calls", arguments: seeds)
  func anySchedule(seed: UInt64) throws {
    var schedule = try Schedule(seed: seed, isDeadly: false)
    let fault = try schedule.run()
    #expect(fault == nil, "\(fault ?? "")")
  }

  @Test("… with kills and power cuts", arguments: seeds)
  func deadly(seed: UInt64) throws {
    var schedule = try Schedule(seed: seed, isDeadly: true)
    let fault = try schedule.run()
    #expect(fault == nil, "\(fault ?? "")")
  }
}
