import Core
import Files
import SystemPackage
import TestKit
import Testing
import Threads

/// Saves a small file by the usual protocol: write under another name, sync, rename, sync the directory, report. The promise: what
/// was reported saved is there, whole; and under the final name nobody ever finds a part.
private struct SaveProtocol {
  enum Step { case write, syncFile, rename, syncDirectory }
  var steps: [Step]

  static let right = SaveProtocol(steps: [.write, .syncFile, .rename, .syncDirectory])

  static let final: FilePath = "/state/saved"
  static let temporary: FilePath = "/state/saved.tmp"
  static let text = Array("all of it".utf8)

  final class World: Sendable {
    let reported = Locked(false)
  }

  struct Broken: Error, CustomStringConvertible {
    let description: String
  }

  func run(_ files: any Files) throws {
    if try files.info(SaveProtocol.final) != nil {
      // Seen is not durable.
      try files.sync([SaveProtocol.final, "/state"])
      return
    }
    if try files.info(SaveProtocol.temporary) != nil { try files.remove(SaveProtocol.temporary) }
    for step in steps {
      switch step {
      case .write:
        try SaveProtocol.text.withUnsafeBytes {
          try files.create(SaveProtocol.temporary, mode: .stateFile).write($0)
        }
      case .syncFile:
        let renamed = try files.info(SaveProtocol.temporary) == nil
        try files.sync([renamed ? SaveProtocol.final : SaveProtocol.temporary])
      case .rename: try files.move(SaveProtocol.temporary, to: SaveProtocol.final)
      case .syncDirectory: try files.sync(["/state"])
      }
    }
  }

  func sweep(depth: Int = 1) -> CrashSweep<World> {
    var sweep = CrashSweep<World>(
      "save",
      prepare: { machine in
        try machine.files.outside { try $0.makeFolder("/state") }
        return World()
      },
      life: { machine, world in
        let part = machine.files.text(of: SaveProtocol.final)
        if let part, part != "all of it" { throw Broken(description: "\(part.utf8.count) bytes under the final name") }
        if world.reported.withLock({ $0 }), part == nil { throw Broken(description: "reported, and gone") }
        try run(machine.files)
        guard machine.points.step("report") else { return }
        world.reported.withLock { $0 = true }
      },
      check: { machine, world in
        if machine.files.text(of: SaveProtocol.final) != "all of it" { throw Broken(description: "not saved") }
      })
    sweep.depth = depth
    sweep.spread = 1
    return sweep
  }
}

@Suite("The crash sweep")
struct CrashSweepTests {
  @Test("passes a protocol that is right, two crashes deep", arguments: [1, 2])
  func right(depth: Int) async {
    let report = await SaveProtocol.right.sweep(depth: depth).run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps == 8)
    #expect(report.runs > (depth == 1 ? 20 : 100), "\(report)")
  }

  @Test("strikes every step however few second blows it tries", arguments: [3, 7])
  func spread(spread: Int) async {
    var sweep = SaveProtocol.right.sweep(depth: 2)
    let whole = await sweep.run()
    sweep.spread = spread
    let some = await sweep.run()
    #expect(some.failures.isEmpty && some.steps == whole.steps)
    #expect(some.runs < whole.runs / 2 && some.runs > whole.steps, "\(some) of \(whole)")
  }

  @Test("catches a file that nobody synced")
  func noFileSync() async {
    let report = await SaveProtocol(steps: [.write, .rename, .syncDirectory]).sweep().run()
    #expect(report.failures.contains { $0.contains("bytes under the final name") }, "\(report)")
  }

  @Test("catches a directory that nobody synced")
  func noDirectorySync() async {
    let report = await SaveProtocol(steps: [.write, .syncFile, .rename]).sweep().run()
    #expect(report.failures.contains { $0.contains("reported, and gone") }, "\(report)")
  }

  @Test("catches a rename before the sync")
  func renameFirst() async {
    let report = await SaveProtocol(steps: [.write, .rename, .syncFile, .syncDirectory]).sweep().run()
    #expect(report.failures.contains { $0.contains("bytes under the final name") }, "\(report)")
  }

  @Test("names the step and what was lost")
  func story() async throws {
    let report = await SaveProtocol(steps: [.write, .syncFile, .rename]).sweep().run()
    let failure = try #require(report.failures.first)
    #expect(failure.contains("by a power cut; lost: create /state/saved.tmp"), "\(failure)")
  }

  @Test("reports a life that fails without being killed")
  func ownFault() async {
    let sweep = CrashSweep<Int>(
      "broken", prepare: { _ in 0 }, life: { machine, _ in try machine.files.sync(["/nowhere"]) }, check: { _, _ in })
    let report = await sweep.run()
    #expect(report.failures.count == 1)
  }
}
