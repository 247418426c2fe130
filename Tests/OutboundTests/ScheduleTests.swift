import Config
import SystemPackage
import TestKit
import Testing

@testable import Outbound

/// One case for each seed: nothing in a schedule ever waits, and tests with a clock to keep want the thread, too.
@Suite("Outbound, any schedule of those who write and rotate")
struct ScheduleTests {
  /// Some that went wrong before the mends, which also changed the calls that the agent makes; and others.
  static let rotated = Seeds.chosen(
    [49, 81, 109, 118, 132, 146, 170, 182, 252, 278, 462, 577, 588, 697, 725, 807, 965] + Array(1...40))
  static let few = Seeds.chosen(
    Array(1...20)
      + [
        627, 1621, 49, 81, 85, 104, 192, 282, 314, 344, 404, 473, 659, 763, 871, 1394, 1593, 1667, 1961, 1973, 2185,
        2789,
      ])

  private func follow(_ seed: UInt64) -> Schedule {
    Schedule(seed: seed, rotation: .follow, logs: ["/logs/a.csv"]) { dice, _ in
      Rotator(seed: seed, rounds: 2 + dice.below(4))
    }
  }

  private func ours(_ rotation: StreamSettings.Rotation, _ seed: UInt64) -> Schedule {
    Schedule(seed: seed, rotation: rotation, logs: ["/logs/a.csv"], isDeadly: true) { dice, isForeign in
      Producer(seed: seed, rounds: 2 + dice.below(6), isForeign: isForeign, reopens: rotation == .rename)
    }
  }

  @Test(
    "follow: each record is sent once, and no gap is told, whatever others do between two calls of the agent; in order where they leave it time",
    arguments: rotated)
  func follow(seed: UInt64) async throws {
    let fault = try await follow(seed).run()
    #expect(fault == nil, "\(fault ?? "")")
  }

  @Test("follow, killed at any step, and power cuts", arguments: few)
  func deadlyFollow(seed: UInt64) async throws {
    var schedule = follow(seed)
    schedule.isDeadly = true
    let fault = try await schedule.run()
    #expect(fault == nil, "\(fault ?? "")")
  }

  @Test("rename: once and in order, with kills and power cuts", arguments: few)
  func rename(seed: UInt64) async throws {
    let fault = try await ours(.rename, seed).run()
    #expect(fault == nil, "\(fault ?? "")")
  }

  @Test("copytruncate: once and in order, with kills and power cuts", arguments: few)
  func copytruncate(seed: UInt64) async throws {
    let fault = try await ours(.copytruncate, seed).run()
    #expect(fault == nil, "\(fault ?? "")")
  }

  @Test("closed: once, with kills and power cuts", arguments: few)
  func closed(seed: UInt64) async throws {
    let schedule = Schedule(seed: seed, rotation: .closed, logs: ["/logs/*.csv"], isDeadly: true) { dice, isForeign in
      Closer(seed: seed, rounds: 2 + dice.below(6), isForeign: isForeign)
    }
    let fault = try await schedule.run()
    #expect(fault == nil, "\(fault ?? "")")
  }

  @Test("rename of two logs by one stream: each one's records once and in order", arguments: few)
  func pair(seed: UInt64) async throws {
    let logs = ["/logs/a.csv", "/logs/b.csv"]
    let schedule = Schedule(seed: seed, rotation: .rename, logs: ["/logs/*.csv"], isDeadly: true) { dice, isForeign in
      let rounds = 2 + dice.below(4)
      func producer(_ number: Int) -> Producer {
        Producer(
          seed: seed &+ UInt64(number), rounds: rounds, isForeign: isForeign, reopens: true,
          log: FilePath(logs[number]), from: number * 400 + 1)
      }
      return Pair(seed: seed, producer(0), producer(1))
    }
    let fault = try await schedule.run()
    #expect(fault == nil, "\(fault ?? "")")
  }

  @Test("Writers whose last bytes go with the power: what is on the disk is sent once", arguments: few)
  func careless(seed: UInt64) async throws {
    let rotation: StreamSettings.Rotation = seed.isMultiple(of: 2) ? .rename : .copytruncate
    var schedule = Schedule(seed: seed, rotation: rotation, logs: ["/logs/a.csv"], isDeadly: true) { dice, isForeign in
      Producer(
        seed: seed, rounds: 2 + dice.below(6), isForeign: isForeign, reopens: rotation == .rename, isDurable: false)
    }
    schedule.isCareless = true
    let fault = try await schedule.run()
    #expect(fault == nil, "\(fault ?? "")")
  }
}
