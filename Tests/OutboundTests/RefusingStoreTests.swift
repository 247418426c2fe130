import Config
import Core
import Journal
import Ledger
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Outbound

@Suite("Outbound, stores that say no")
struct RefusingStoreTests {
  private func world(_ change: (inout Settings) -> Void = { _ in }) throws -> World {
    let files = SimMachine().files
    try files.put("/logs/a.csv", "id,text\n1,a\n2,b\n3,c\n4,d\n")
    return try World(
      files,
      change: {
        $0.streams[0].batch.maxBytes = 12
        change(&$0)
      })
  }

  @Test(
    "A batch that the store forbids is tried less and less often, told once, and goes when it may; the others go on")
  func forbidden() async throws {
    let world = try world()
    let isOpen = Locked(false)
    let asked = Locked<[Timestamp]>([])
    world.store.set { [world] (step) throws(StoreFault) in
      guard step.hasSuffix("2.csv.gz"), step.hasPrefix("create ") else { return }
      asked.withLock { $0.append(world.now.wall) }
      if !isOpen.withLock({ $0 }) { throw StoreFault(.forbidden, "Cannot upload to", at: step, why: "AccessDenied") }
    }
    var engine = world.makeEngine()
    // Whoever flushes has everything tried at once.
    for number in 0..<600 { try await world.settle(&engine, flush: number == 0, passes: 1) }
    #expect(try world.sent() == "1,a\n3,c\n4,d\n")
    #expect(try world.places(.held).isEmpty)
    let told = world.events.all(.credentialRefused)
    #expect(told.count == 1 && told[0].message.contains("forbids what stream opens sends"), "\(told)")
    // Of 600 passes, 20 s apart,: a pause of 30 s that doubles, to 15 min at most.
    let times = asked.withLock { $0 }
    let pauses = zip(times, times.dropFirst()).map { $1 - $0 }
    #expect((8...40).contains(times.count), "\(times.count)")
    #expect(pauses.max() ?? .zero > .seconds(300) && pauses.allSatisfy { $0 <= .seconds(1_200) }, "\(pauses)")

    isOpen.withLock { $0 = true }
    engine = world.makeEngine()
    for _ in 0..<60 { try await world.settle(&engine, passes: 1) }
    #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n")
    #expect(world.events.all(.credentialRefused).count == 1)
  }

  @Test("What is forbidden again after something was taken is news again")
  func again() async throws {
    let world = try world()
    world.store.expect(.refused(.forbidden), .refused(.forbidden), .refused(.forbidden), .refused(.forbidden))
    var engine = world.makeEngine()
    for number in 0..<100 { try await world.settle(&engine, flush: number == 0, passes: 1) }
    #expect(world.events.all(.credentialRefused).count == 1)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n")
    let files = try #require(world.files as? SimFiles)
    try files.put("/logs/b.csv", "id,text\n5,e\n")
    world.store.expect(.refused(.forbidden))
    for number in 0..<100 { try await world.settle(&engine, flush: number == 0, passes: 1) }
    #expect(world.events.all(.credentialRefused).count == 2)
    #expect(try world.sent() == "1,a\n2,b\n3,c\n4,d\n5,e\n")
  }
}
