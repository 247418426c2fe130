import Core
import Files
import SystemPackage
import TestKit
import Testing

@testable import Spool

@Suite("A plan grows by lines")
struct PlanLinesTests {
  private let files = SimFiles()
  private let path: FilePath = "/drop/drop.json"

  init() throws { try files.outside { try $0.makeFolder("/drop") } }

  private func plan(_ changes: Int, parts: Int = 1) throws -> DropPlan {
    let id = try #require(DropID("20260312T060000Z-9f2c41"))
    let feed = try #require(FeedName("audiences"))
    let all = (0..<parts).map { number in
      DropPart(
        name: FileName("a\(number).csv"), landing: "/landing", size: 12, inode: UInt64(changes), changed: 7, role: nil)
    }
    return DropPlan(id: id, feed: feed, seenAt: Timestamp(seconds: Int64(changes)), parts: all)
  }

  private var bytes: [UInt8] { files.files(below: "/drop")[path] ?? [] }

  private func read(_ bytes: [UInt8]) throws -> DropPlan {
    try files.outside { try $0.put(path, bytes) }
    return try files.readPlan(DropPlan.self, at: path)
  }

  @Test("each change is one more line of JSON, in the same file, and the newest counts")
  func grows() throws {
    try files.writePlan(try plan(1), to: path)
    let inode = try files.info(path)?.inode
    for change in 2...4 { try files.writePlan(try plan(change), to: path) }
    #expect(try files.info(path)?.inode == inode)
    #expect(files.files(below: "/drop").count == 1)
    #expect(try files.readPlan(DropPlan.self, at: path) == plan(4))
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    #expect(lines.count == 4)
    for line in lines {
      #expect(String(decoding: line, as: UTF8.self).hasPrefix("{\"length\":\(line.count),\"check\":\""))
    }
  }

  @Test("wherever the newest line is cut, the one before it counts, and what is added later is read")
  func torn() throws {
    let (before, after, later) = (try plan(1), try plan(2), try plan(3))
    let first = encodePlan(before)
    let second = [UInt8(ascii: "\n")] + encodePlan(after)
    for end in 0...second.count {
      // Without its line feed, too, it is whole.
      let expected = end >= second.count - 1 ? after : before
      #expect(try read(first + second[..<end]) == expected, "\(end) of \(second.count) bytes")
      try files.writePlan(later, to: path)
      #expect(try files.readPlan(DropPlan.self, at: path) == later, "added behind \(end) bytes")
    }
  }

  @Test("bytes that were not written in time are zeros: the line before them counts")
  func zeros() throws {
    let first = encodePlan(try plan(1))
    let second = [UInt8(ascii: "\n")] + encodePlan(try plan(2))
    for start in 0..<second.count - 1 {
      var hole = second
      for place in start..<min(start + 32, second.count - 1) { hole[place] = 0 }
      #expect(try read(first + hole) == plan(1), "zeros from \(start)")
    }
  }

  @Test("no flipped bit makes another plan of it: it is told, or the line before counts")
  func flipped() throws {
    let (before, after) = (try plan(1), try plan(2))
    let first = encodePlan(before)
    let second = encodePlan(after)
    var told = 0
    for place in second.indices.dropLast() {
      for bit in 0..<8 {
        var line = second
        line[place] ^= 1 << bit
        do {
          #expect(try read(first + line) == before, "byte \(place), bit \(bit)")
        } catch let fault as FileFault {
          #expect(fault.kind == .damaged, "\(fault)")
          told += 1
        }
      }
    }
    #expect(told > second.count * 4)
  }

  @Test("a plan that was altered by hand is told as such")
  func altered() throws {
    let text = String(decoding: encodePlan(try plan(1)), as: UTF8.self).replacing("a0.csv", with: "b0.csv")
    let fault = #expect(throws: FileFault.self) { try read(Array(text.utf8)) }
    #expect(fault?.kind == .damaged)
    #expect(fault?.why.contains("checksum") == true)
  }

  @Test("plans of version 0.1 are read as they are, and grow in the new form")
  func older() throws {
    let json = String(decoding: encodePlan(try plan(1)), as: UTF8.self)
      .replacing(/"length":[0-9]+,"check":"[0-9a-f]{16}",/, with: "")
    #expect(json.hasPrefix("{\"feed\""))
    #expect(try read(Array(json.utf8)) == plan(1))
    try files.writePlan(try plan(2), to: path)
    #expect(try files.readPlan(DropPlan.self, at: path) == plan(2))
    // What came after it was torn.
    #expect(try read(Array((json + "\n{\"length\":400,\"check\":\"01").utf8)) == plan(1))
  }

  @Test("a file that has grown large begins anew")
  func bounded() throws {
    let large = try plan(1, parts: 3_000)
    let size = encodePlan(large).count
    for _ in 0...(Limits.planBytes / 2 / size + 2) { try files.writePlan(large, to: path) }
    #expect(bytes.count <= Limits.planBytes / 2)
    #expect(try files.readPlan(DropPlan.self, at: path) == large)
  }

  @Test("killed at any step, or with the power gone: the plan as it was, or as it is; once synced, as it is")
  func crashes() async throws {
    let (path, before, after, last) = (path, try plan(1), try plan(2), try plan(3))
    let sweep = CrashSweep(
      "plan",
      prepare: { machine in
        try machine.files.outside { try $0.makeFolder("/drop") }
        try machine.files.outside { try $0.put(path, encodePlan(before)) }
      },
      life: { machine, _ in
        let files = machine.files
        let found = try files.readPlan(DropPlan.self, at: path)
        for plan in [after, last] where plan.seenAt > found.seenAt {
          try files.writePlans([(plan, path)])
          try files.outside { try $0.put("/noted", "\(plan.seenAt.nanoseconds)") }
        }
      },
      check: { machine, _ in
        let found = try machine.files.readPlan(DropPlan.self, at: path)
        guard found == last else {
          throw FileFault(.damaged, "Cannot use", at: path, why: "\(found.seenAt) is not the last")
        }
      })
    let report = await sweep.run()
    #expect(report.failures.isEmpty, "\(report)")
    #expect(report.steps > 6)
  }
}
