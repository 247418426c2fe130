import Core
import Files
import SystemPackage
import TestKit
import Testing

@Suite("A power cut on the simulated disk")
struct SimFilesTests {
  let files = SimFiles()

  /// What each outcome of a power cut leaves in the folder.
  private func outcomes(_ folder: FilePath = "/d") -> [[FilePath: String]] {
    let disk = files.snapshot
    return disk.survivals().map {
      disk.after($0).files(below: folder).mapValues { String(decoding: $0, as: UTF8.self) }
    }
  }

  init() throws { try files.outside { try $0.makeFolder("/d") } }

  @Test("takes nothing of what was synced")
  func synced() throws {
    try files.put("text", at: "/d/f")
    try files.sync(["/d/f", "/d"])
    #expect(outcomes() == [["/d/f": "text"]])
  }

  @Test("leaves a file that nobody synced whole, in part, empty or not at all")
  func unsynced() throws {
    try files.put("text", at: "/d/f")
    #expect(Set(outcomes()) == [[:], ["/d/f": ""], ["/d/f": "te"], ["/d/f": "text"]])
  }

  @Test("may lose the name of a synced file")
  func nameOnly() throws {
    try files.put("text", at: "/d/f")
    try files.sync(["/d/f"])
    #expect(Set(outcomes()) == [[:], ["/d/f": "text"]])
  }

  @Test("leaves a rename done or not done, never both names and never none")
  func rename() throws {
    try files.outside { disk in
      try disk.put("/d/a/f", "x")
      try disk.makeFolder("/d/b")
    }
    try files.move("/d/a/f", to: "/d/b/f")
    let either: Set<[FilePath: String]> = [["/d/a/f": "x"], ["/d/b/f": "x"]]
    #expect(Set(outcomes()) == either)
    try files.sync(["/d/a"])
    #expect(Set(outcomes()) == either)
    try files.sync(["/d/b"])
    #expect(outcomes() == [["/d/b/f": "x"]])
  }

  @Test("assumes no order: the later rename may survive alone")
  func noOrder() throws {
    try files.outside { disk in
      try disk.put("/d/1", "1")
      try disk.put("/d/2", "2")
    }
    try files.move("/d/1", to: "/d/3")
    try files.move("/d/2", to: "/d/4")
    #expect(outcomes().contains(["/d/1": "1", "/d/4": "2"]))
    #expect(outcomes().count == 4)
  }

  @Test("skips what rests on something lost")
  func dependent() throws {
    try files.put("x", at: "/d/a")
    try files.sync(["/d/a"])
    try files.move("/d/a", to: "/d/b")
    try files.move("/d/b", to: "/d/c")
    #expect(Set(outcomes()) == [[:], ["/d/a": "x"], ["/d/b": "x"], ["/d/c": "x"]])
  }

  @Test("loses a synced file with the directory that nobody synced")
  func lostDirectory() throws {
    try files.makeDirectory("/d/e", mode: .stateDirectory)
    try files.put("x", at: "/d/e/f")
    try files.sync(["/d/e/f", "/d/e"])
    #expect(Set(outcomes()) == [[:], ["/d/e/f": "x"]])
  }

  @Test("keeps the old end of a log that grew")
  func appended() throws {
    try files.put("/d/log", "1234")
    try files.append(to: "/d/log", "5678", durable: false)
    #expect(Set(outcomes()) == [["/d/log": "1234"], ["/d/log": "123456"], ["/d/log": "12345678"]])
  }

  @Test("has a bounded number of outcomes however much is unsynced, each single loss among them")
  func many() throws {
    for index in 0..<20 { try files.put("", at: FilePath("/d/f\(index)")) }
    let all = outcomes()
    #expect(all.count > 40 && all.count <= 256)
    for index in 0..<20 {
      #expect(all.contains { $0.count == 19 && $0[FilePath("/d/f\(index)")] == nil })
      #expect(all.contains { $0.count == 1 && $0[FilePath("/d/f\(index)")] != nil })
    }
    #expect(files.snapshot.survivals(most: 8).count == 8)
    #expect(files.snapshot.survivals().map(\.description) == files.snapshot.survivals().map(\.description))
  }

  @Test("is not a kill: a kill leaves everything, and its open files are of no use to the next life")
  func kill() throws {
    let file = try files.create("/d/f", mode: .stateFile)
    files.points.begin(killAt: 0)
    #expect { try files.sync(["/d"]) } throws: { ($0 as? FileFault)?.kind == .io }
    #expect { _ = try files.info("/d/f") } throws: { ($0 as? FileFault)?.kind == .io }
    files.reboot()
    #expect(try files.info("/d/f") != nil)
    #expect { _ = try file.info() } throws: { ($0 as? FileFault)?.kind == .io }
  }
}

@Suite("The knobs of the simulated disk")
struct SimKnobsTests {
  let files = SimFiles()

  init() throws { try files.outside { try $0.put("/d/f", "1234") } }

  @Test("other people's files and open writers are told as a kernel would")
  func writers() throws {
    files.setKnobs { $0.openForWriting = ["/d/f"] }
    #expect(try files.writers(of: "/d/f") == .some)
    files.setKnobs { $0.foreign = ["/d"] }
    #expect(try files.writers(of: "/d/f") == .unknown)
    #expect { try files.link("/d/f", as: "/g") } throws: { ($0 as? FileFault)?.kind == .denied }
    #expect { try files.set(mode: .stateFile, owner: nil, group: nil, of: "/d/f") } throws: {
      ($0 as? FileFault)?.kind == .denied
    }
  }

  @Test("a full disk takes what fits")
  func full() throws {
    files.setKnobs { $0.capacity = 10 }
    #expect(try files.freeBytes(at: "/d") == 6)
    #expect { try files.put("12345678", at: "/d/g") } throws: { ($0 as? FileFault)?.kind == .full }
    #expect(files.text(of: "/d/g") == "123456")
    try files.remove("/d/f")
    #expect(try files.freeBytes(at: "/d") == 4)
  }

  @Test("a fault comes at the operation it was asked for, once, before or after the effect")
  func injected() throws {
    files.setKnobs {
      $0.faults = [SimInjection(.io, at: .sync, after: 1), SimInjection(.io, at: .remove, tooLate: true)]
    }
    try files.sync(["/d"])
    #expect { try files.sync(["/d"]) } throws: { ($0 as? FileFault)?.kind == .io }
    try files.sync(["/d"])
    #expect { try files.remove("/d/f") } throws: { ($0 as? FileFault)?.kind == .io }
    #expect(files.text(of: "/d/f") == nil)
  }

  @Test("the outside world renames, truncates, links and takes")
  func outside() throws {
    try files.outside { disk in
      try disk.rename("/d/f", to: "/d/f.1")
      try disk.truncate("/d/f.1", to: 2)
      try disk.makeLink("/d/l", to: "f.1")
    }
    #expect(try files.info("/d/l")?.kind == .link)
    #expect { _ = try files.open("/d/l") } throws: { ($0 as? FileFault)?.kind == .io }
    #expect(try files.take("/d/f.1") == Array("12".utf8))
    #expect(try files.take("/d/f.1") == nil)
    #expect(files.snapshot.names(in: "/d") == [FileName("l")])
  }
}
