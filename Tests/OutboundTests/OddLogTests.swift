import Config
import Core
import Files
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Links, folders and other things under the names of logs")
struct OddLogTests {
  private func world(
    _ files: any Files, _ rotation: StreamSettings.Rotation = .follow, logs: [String] = ["/logs/current.csv"]
  ) throws -> World {
    try World(files, logs: logs, change: { $0.streams[0].rotation = rotation })
  }

  private func link(_ files: SimFiles, _ path: FilePath = "/logs/current.csv", to target: String) throws {
    try files.outside { disk in
      if disk.names(in: path.parent).contains(where: { $0 == path.name }) { try disk.take(path) }
      try disk.makeLink(path, to: target)
    }
  }

  @Test(
    "follow: a link is followed from log to log, each is read to its end, and nothing twice",
    arguments: ["log-2026031{}.csv", "part{}", "/logs/log-2026031{}.csv", "./log-2026031{}.csv"],
    [["/logs/current.csv"], ["/logs/*.csv"]])
  func switched(form: String, logs: [String]) async throws {
    let files = SimMachine().files
    func name(_ number: Int) -> String { form.replacing("{}", with: "\(number)") }
    func path(_ number: Int) -> FilePath {
      FilePath("/logs").appending(FilePath(name(number)).name ?? "")
    }
    let world = try world(files, logs: logs)
    var expected = ""
    for number in 1...4 {
      try files.put(path(number), "id,text\n\(number),a\n")
      try link(files, to: name(number))
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      // Written while the agent looks on, and after the link leads elsewhere.
      try files.append(to: path(number), "\(number),b\n")
      try await world.settle(&engine, flush: true)
      if number > 1 { try files.append(to: path(number - 1), "\(number - 1),late\n") }
      if number.isMultiple(of: 2) { engine = world.makeEngine() }
      try await world.settle(&engine, flush: true)
      expected += "\(number),a\n\(number),b\n" + (number > 1 ? "\(number - 1),late\n" : "")
    }
    #expect(try world.sent() == expected)
    #expect(world.events.all(.sourceGap).isEmpty && world.events.all(.logWaiting).isEmpty)
  }

  @Test("follow: switched twice while the agent was away, with the day's names that say so: both logs are read")
  func switchedTwice() async throws {
    let files = SimMachine().files
    try files.put("/logs/log-20260309.csv", "id,text\n0,history\n")
    try files.put("/logs/log-20260310.csv", "id,text\n1,a\n")
    try link(files, to: "log-20260310.csv")
    let world = try world(files)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    try files.append(to: "/logs/log-20260310.csv", "1,b\n")
    try files.put("/logs/log-20260311.csv", "id,text\n2,a\n")
    try files.put("/logs/log-20260312.csv", "id,text\n3,a\n")
    try link(files, to: "log-20260312.csv")
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "1,a\n1,b\n2,a\n3,a\n")
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test("closed: what a link leads to is taken once nobody writes, also after the link leads elsewhere")
  func closed() async throws {
    let files = SimMachine().files
    try files.put("/logs/part1", "id,text\n1,a\n")
    files.outside { _ = $0.knobs.openForWriting.insert("/logs/part1") }
    try link(files, to: "part1")
    let world = try world(files, .closed, logs: ["/logs/*.csv"])
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "")
    try files.put("/logs/part2", "id,text\n2,a\n")
    try link(files, to: "part2")
    try files.append(to: "/logs/part1", "1,b\n")
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    files.outside { _ = $0.knobs.openForWriting.remove("/logs/part1") }
    try await world.settle(&engine, flush: true)
    let sent = try world.sent()
    #expect(sent.split(separator: "\n").sorted() == ["1,a", "1,b", "2,a"])
    #expect(world.events.all(.sourceGap).isEmpty)
  }

  @Test(
    "rename and copytruncate leave a link alone, and say so",
    arguments: [StreamSettings.Rotation.rename, .copytruncate])
  func left(rotation: StreamSettings.Rotation) async throws {
    let files = SimMachine().files
    try files.put("/logs/log-1.txt", "id,text\n1,a\n")
    try files.put("/logs/own.csv", "id,text\n2,b\n")
    try link(files, to: "log-1.txt")
    let world = try world(files, rotation, logs: ["/logs/*.csv"])
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == "2,b\n")
    #expect(files.text(of: "/logs/log-1.txt") == "id,text\n1,a\n")
    #expect(
      world.events.all(.logWaiting).map(\.message) == [
        "current.csv of stream opens waits: Cannot read /logs/current.csv: it is a symbolic link, which can neither be renamed "
          + "for its writer nor be emptied. Name the file that it leads to under logs, or choose rotation: follow or closed"
      ])
  }

  @Test(
    "What is no log waits by itself, with start: end too, and the others go on",
    arguments: StreamSettings.Rotation.allCases, [StreamSettings.Start.beginning, .end])
  func waits(rotation: StreamSettings.Rotation, start: StreamSettings.Start) async throws {
    let files = SimMachine().files
    try files.put("/elsewhere/far.csv", "id,text\n8,far\n")
    try files.outside { disk in
      try disk.makeFolder("/logs/folder.csv")
      try disk.makeLink("/logs/far.csv", to: "/elsewhere/far.csv")
      try disk.makeLink("/logs/up.csv", to: "../elsewhere/far.csv")
      try disk.makeLink("/logs/deep.csv", to: "folder.csv")
      try disk.makeLink("/logs/soon.csv", to: "soon.txt")
    }
    try files.put("/logs/own.csv", "id,text\n1,a\n")
    let world = try World(
      files,
      change: {
        $0.streams[0].rotation = rotation
        $0.streams[0].start = start
      })
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    if start == .end { try files.append(to: "/logs/own.csv", "2,b\n") }
    try await world.settle(&engine, flush: true)
    #expect(try world.sent() == (start == .end ? "2,b\n" : "1,a\n"))
    let own = rotation == .rename || rotation == .copytruncate
    #expect(Set(world.events.all(.logWaiting).compactMap { $0.fields[.path] }).count == (own ? 5 : 4))
    // Mended, it is a log like the others.
    try files.take("/logs/up.csv")
    try files.put("/logs/up.csv", "id,text\n9,up\n")
    try await world.settle(&engine, flush: true)
    #expect(try world.sent().hasSuffix("9,up\n"))
  }
}
