import Core
import Foundation
import SystemPackage
import TestKit
import Testing
import Threads

@Suite("An agent that is killed again and again", .serialized)
struct KillTests {
  private static let rounds = 20

  /// What the writers did, for the reckoning at the end.
  private struct Book: Sendable {
    var isOver = false
    var rows: [String: Int] = [:]
    var good: [String: String] = [:]
    var bad = 0
    /// What was seen in the hand-over folder and should not have been.
    var wrong: [String] = []
  }

  @Test func losesNothingAndSendsNothingTwice() async throws {
    let site = try Site(Site.settings(batch: "max_age: 100ms, max_bytes: 2KiB"))
    let book = Locked(Book())
    var random = Seeded(state: 20_260_312)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (name, reopens) in [("a", 1), ("b", 40)] {
        group.addTask { try await Self.writeLog(site, name, reopens: reopens, book) }
      }
      group.addTask { try await Self.sendAudiences(site, book) }
      group.addTask { try await Self.watchHandover(site, book) }
      for _ in 1...Self.rounds {
        let agent = try RunningProgram(site.arguments(["run"]), environment: Site.environment)
        // Half of the kills come early, while the agent still takes up what the last one left.
        if Bool.random(using: &random) {
          try await eventually("it runs") { agent.exitCode != nil || agent.stderr.contains("agent_started") }
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 20...300, using: &random)))
        #expect(agent.exitCode == nil, "it ended by itself: \(agent.stderr)")
        agent.signal(SIGKILL)
        _ = try await agent.ended(within: .seconds(10))
      }
      book.withLock { $0.isOver = true }
      try await group.waitForAll()
    }
    try await reckon(site, book.withLock { $0 })
  }

  private func reckon(_ site: Site, _ book: Book) async throws {
    // The first sends what is there; nothing is left to the second.
    for _ in 1...2 {
      let last = try await site.navette("run", "--once")
      #expect([0, 1].contains(last.exitCode), "\(last.stderr)")
      if site.names(in: "landing").isEmpty, site.names(in: "log").isEmpty { break }
    }
    let records = try await site.records()
    for (name, count) in book.rows {
      let mine = records.filter { $0.hasPrefix(name) }.map { Int($0.dropFirst().prefix { $0.isNumber }) ?? 0 }
      #expect(count > 50, "the writers wrote enough to mean something")
      #expect(mine == Array(1...count), "each record of \(name) once, in order: \(Self.firstFault(mine, count))")
    }
    #expect(records.filter { $0.hasPrefix("tail") }.count == book.rows.values.reduce(0) { $0 + $1 / 10 })
    #expect(book.good.count > 5 && book.bad > 1, "enough audiences came to mean something")
    #expect(book.wrong.isEmpty, "\(book.wrong)")
    #expect(site.handedOver == book.good.keys.sorted())
    for (name, text) in book.good {
      let isSame = site.text("import/\(name)") == text
      #expect(isSame, "\(name)")
    }
    #expect(site.names(in: "import").allSatisfy { !$0.hasPrefix(".") }, "no staged file is left behind")
    #expect(site.names(in: "state/feeds/audiences/quarantine").count == book.bad)
    #expect(site.names(in: "landing").isEmpty)
    let verified = try await site.navette("verify")
    #expect(verified.exitCode == 0, "\(verified.stdout)\(verified.stderr)")
  }

  private static func firstFault(_ found: [Int], _ count: Int) -> String {
    guard let index = found.indices.first(where: { found[$0] != $0 + 1 }) else { return "\(found.count) of \(count)" }
    return
      "\(found[max(0, index - 2)..<min(found.count, index + 3)]) where \(index + 1) should be, \(found.count) of \(count)"
  }

  /// Rows with a number each; every tenth has a line break in quotes and comes in two writes.
  /// - Parameter reopens: rows until the writer asks for its log's name again.
  private static func writeLog(_ site: Site, _ name: String, reopens: Int, _ book: Locked<Book>) async throws {
    var number = 0
    while !book.withLock({ $0.isOver }) {
      let file = open(site.path("log/\(name).csv"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
      try #require(file >= 0)
      defer { close(file) }
      func put(_ text: String) throws { try #require(write(file, text, text.utf8.count) == text.utf8.count) }
      if lseek(file, 0, SEEK_END) == 0 { try put("id,text\n") }
      for _ in 1...reopens {
        number += 1
        if number.isMultiple(of: 10) {
          try put("\(name)\(number),\"two\n")
          try await Task.sleep(for: .milliseconds(3))
          try put("tail\"\n")
        } else {
          try put("\(name)\(number),one\n")
        }
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    let count = number
    book.withLock { $0.rows[name] = count }
  }

  private static func sendAudiences(_ site: Site, _ book: Locked<Book>) async throws {
    var number = 0
    while !book.withLock({ $0.isOver }) {
      number += 1
      let name = "aud-\(number).csv"
      let isBad = number.isMultiple(of: 5)
      let text = audience(number, rows: 300) + (isBad ? "torn\r\n" : "")
      // Noted before it comes: the watcher must know it.
      book.withLock { if isBad { $0.bad += 1 } else { $0.good[name] = text } }
      if number.isMultiple(of: 2) {
        try site.write("landing/.\(name).part", text)
        try #require(rename(site.path("landing/.\(name).part"), site.path("landing/\(name)")) == 0)
      } else {
        let bytes = Array(text.utf8)
        let file = open(site.path("landing/\(name)"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        try #require(file >= 0 && write(file, bytes, 2_000) == 2_000)
        try await Task.sleep(for: .milliseconds(250))
        try #require(write(file, Array(bytes[2_000...]), bytes.count - 2_000) == bytes.count - 2_000)
        close(file)
      }
      try await Task.sleep(for: .milliseconds(120))
    }
  }

  private static func watchHandover(_ site: Site, _ book: Locked<Book>) async throws {
    var seen: [String: UInt64] = [:]
    while !book.withLock({ $0.isOver }) {
      for name in site.handedOver {
        let path = site.path("import/\(name)")
        let inode = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64 ?? 0
        if seen[name] == inode { continue }
        let text = site.text("import/\(name)")
        book.withLock { book in
          if text != book.good[name] { book.wrong.append("\(name): \(text?.utf8.count ?? 0) bytes") }
          if seen[name] != nil { book.wrong.append("\(name): a second time") }
        }
        seen[name] = inode
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// SplitMix64, so that a failing run can be had again.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
