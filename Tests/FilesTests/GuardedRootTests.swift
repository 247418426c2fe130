import Core
import Files
import Glibc
import SystemPackage
import TestKit
import Testing

/// A folder that others may write to, and beside it one that is nobody's business. Both have the same names in them.
private struct Folders {
  let folder: TemporaryFolder
  let plain = LinuxFiles()
  /// What the folder is guarded by.
  let files: LinuxFiles
  var shared: FilePath { folder.path.appending("shared") }
  var foreign: FilePath { folder.path.appending("foreign") }

  init() throws {
    // In memory: barriers cost nothing there.
    folder = try TemporaryFolder(below: "/dev/shm")
    files = LinuxFiles(guarded: [folder.path.appending("shared")])
    try fill(shared.appending("sub"), "own")
    try fill(foreign, "foreign")
  }

  private func fill(_ place: FilePath, _ text: String) throws {
    for below in [place, place.appending("x")] {
      try plain.ensureDirectory(below)
      for name in ["f", "g", "only-\(text)"] { try plain.put(text, at: below.appending(FileName(name))) }
    }
  }

  /// Every thing in a folder with all that a change would change; times of last reading aside.
  func things(in place: FilePath) throws -> [String: FileInfo] {
    var found = [place.string: try #require(try plain.info(place))]
    for name in try plain.list(place) {
      let path = place.appending(name)
      let info = try #require(try plain.info(path))
      if info.kind == .directory { found.merge(try things(in: path)) { a, _ in a } } else { found[path.string] = info }
    }
    return found
  }

  func link(_ path: FilePath, to target: FilePath) throws {
    guard symlink(target.string, path.string) == 0 else { throw Errno(rawValue: errno) }
  }
}

/// One thing that `Files` can do in a folder; `spare` is a file of ours elsewhere, and stays.
private struct Act: Sendable, CustomStringConvertible {
  let description: String
  let run: @Sendable (LinuxFiles, _ folder: FilePath, _ spare: FilePath) throws -> Void

  init(_ description: String, _ run: @escaping @Sendable (LinuxFiles, FilePath, FilePath) throws -> Void) {
    (self.description, self.run) = (description, run)
  }

  /// Of which a link on the way makes a fault.
  static let all: [Act] = [
    Act("list") { files, folder, _ in try sees(files.list(folder)) },
    Act("eachName") { files, folder, _ in
      var names: [FileName] = []
      try files.eachName(in: folder) { (name) throws(FileFault) in names.append(name) }
      try sees(names)
    },
    Act("info") { files, folder, _ in try sees(files.info(folder.appending("only-foreign")) == nil ? [] : [foreign]) },
    Act("open") { files, folder, _ in
      if try files.text(folder.appending("f")) == "foreign" { throw SawForeign() }
    },
    Act("create") { files, folder, _ in
      try files.put("own", at: folder.appending("new"))
      try files.remove(folder.appending("new"))
    },
    Act("makeDirectory") { files, folder, _ in
      try files.ensureDirectory(folder.appending("d").appending("e"))
      try files.remove(folder.appending("d").appending("e"))
      try files.remove(folder.appending("d"))
    },
    Act("link from") { files, folder, spare in
      try files.link(folder.appending("f"), as: spare.appendingToName(".twin"))
      defer { try? files.remove(spare.appendingToName(".twin")) }
      if try files.text(spare.appendingToName(".twin")) == "foreign" { throw SawForeign() }
    },
    Act("link to") { files, folder, spare in
      try files.link(spare, as: folder.appending("twin"))
      try files.remove(folder.appending("twin"))
    },
    Act("copy from") { files, folder, spare in
      let copy = spare.appendingToName(".copy")
      defer { try? files.remove(copy) }
      try files.copy(folder.appending("g"), to: copy, mode: .stateFile)
      if try files.text(copy) == "foreign" { throw SawForeign() }
    },
    Act("copy to") { files, folder, spare in
      try files.copy(spare, to: folder.appending("copy"), mode: .stateFile)
      try files.remove(folder.appending("copy"))
    },
    Act("move within") { files, folder, _ in
      try files.move(folder.appending("f"), to: folder.appending("moved"))
      try files.move(folder.appending("moved"), to: folder.appending("f"))
    },
    Act("move out") { files, folder, spare in
      let moved = spare.appendingToName(".moved")
      try files.move(folder.appending("g"), to: moved)
      if try files.text(moved) == "foreign" { throw SawForeign() }
      try files.remove(moved)
    },
    Act("replace") { files, folder, spare in
      try files.write(Array("own".utf8), to: folder.appending("g"))
      try files.write(Array("own".utf8), to: spare.appendingToName(".new"))
      try files.replace(folder.appending("f"), with: spare.appendingToName(".new"))
    },
    Act("sync") { files, folder, spare in
      try files.sync([folder.appending("f"), folder])
      try files.sync((0..<70).map { folder.appending(FileName("many\($0)")) })
    },
    Act("truncate") { files, folder, _ in
      let info = try files.info(folder.appending("f"))
      _ = try files.truncate(
        folder.appending("f"), to: info?.size ?? 0, inode: info?.inode ?? 0, expected: info?.size ?? 0)
    },
    Act("remove") { files, folder, _ in
      try files.remove(folder.appending("g"))
      try files.put("own", at: folder.appending("g"))
    },
    Act("freeBytes") { files, folder, _ in _ = try files.freeBytes(at: folder.appending("f")) },
    Act("set") { files, folder, _ in
      try files.set(mode: AccessMode(rawValue: 0o600), owner: nil, group: nil, of: folder.appending("f"))
    },
  ]

  private static let foreign: FileName = "only-foreign"
  private static func sees(_ names: [FileName]) throws { if names.contains(foreign) { throw SawForeign() } }
}

private struct SawForeign: Error {}

@Suite("Below a folder that others may write to no link is followed")
struct GuardedRootTests {
  private let folders: Folders
  private var files: LinuxFiles { folders.files }
  private var shared: FilePath { folders.shared }

  init() throws { folders = try Folders() }

  private func spare() throws -> FilePath {
    let spare = folders.folder.path.appending("spare")
    if try files.info(spare) == nil { try files.put("own", at: spare) }
    return spare
  }

  private func denies(_ what: String, _ why: String, _ body: () throws -> Void) throws {
    let fault = #expect(throws: FileFault.self, "\(what)") { try body() }
    #expect(fault?.kind == .denied, "\(what): \(fault as Any)")
    #expect(fault?.why == "\(why) is a symbolic link; links are not followed here", "\(what)")
    #expect(fault?.remedy != nil)
    #expect(fault?.isBelow(shared) == true, "\(what): code must know which path it is")
  }

  @Test("not one in the middle of the path, nor a link to it, by anything that can be done")
  func middle() throws {
    try folders.link(shared.appending("link"), to: folders.foreign)
    try folders.link(shared.appending("again"), to: shared.appending("link"))
    try folders.link(shared.appending("sub").appending("deep"), to: folders.foreign)
    let before = try folders.things(in: folders.foreign)
    let spare = try spare()
    for way in ["link/x", "again/x", "sub/deep/x"] {
      let folder = shared.appending(way)
      for act in Act.all {
        try denies("\(act) by \(way)", "a folder in this path") { try act.run(files, folder, spare) }
      }
      #expect(try files.writers(of: folder.appending("f")) == .unknown)
      #expect(!files.mayWrite(in: folder), "\(way)")
    }
    #expect(files.mayWrite(in: shared.appending("sub/x")) && files.mayWrite(in: shared))
    #expect(try folders.things(in: folders.foreign) == before)
    // Folders of our own are as good as ever, and a link that leads to one is none.
    try folders.link(shared.appending("home"), to: shared.appending("sub"))
    try denies("home", "a folder in this path") { _ = try files.list(shared.appending("home/x")) }
    #expect(try files.list(shared.appending("sub/x")) == ["f", "g", "only-own"])
  }

  @Test("not one in the last place: it is seen, moved and removed as what it is")
  func last() throws {
    let (link, deep) = (shared.appending("link"), shared.appending("sub/link"))
    let before = try folders.things(in: folders.foreign)
    let spare = try spare()
    for path in [link, deep] {
      try folders.link(path, to: folders.foreign)
      #expect(try files.info(path)?.kind == .link)
      for act in Act.all {
        // What lies in it has it in the middle of its path.
        let fault = #expect(throws: FileFault.self, "\(act)") { try act.run(files, path, spare) }
        #expect(fault?.kind == .denied, "\(act): \(fault as Any)")
      }
      try denies("list", "this") { _ = try files.list(path) }
      try denies("sync", "this") { try files.sync([path]) }
      #expect(!files.mayWrite(in: path))
      try files.move(path, to: path.appendingToName("2"))
      try files.remove(path.appendingToName("2"))
    }
    for path in [link, deep] {
      try folders.link(path, to: folders.foreign.appending("f"))
      let size = try #require(try files.info(folders.foreign.appending("f")))
      try denies("open", "this") { _ = try files.open(path) }
      try denies("copy", "this") { try files.copy(path, to: shared.appending("copy"), mode: .stateFile) }
      try denies("truncate", "this") {
        _ = try files.truncate(path, to: 0, inode: size.inode, expected: size.size)
      }
      try denies("set", "this") { try files.set(mode: .stateFile, owner: nil, group: nil, of: path) }
      #expect(throws: FileFault.self) { try files.put("own", at: path) }
      #expect(try files.writers(of: path) == .unknown)
      #expect(try files.freeBytes(at: path) > 0)
      try files.write(Array("own".utf8), to: path)
      #expect(try files.info(path)?.kind == .file)
    }
    #expect(try files.info(shared.appending("copy")) == nil)
    #expect(try folders.things(in: folders.foreign) == before)
  }

  @Test("a link on the way to the folder is its operator's business, and a file in the way is no folder")
  func root() throws {
    let way = folders.folder.path.appending("way")
    try folders.link(way, to: folders.folder.path)
    let files = LinuxFiles(guarded: [way.appending("shared"), way.appending("shared/sub/x"), "/"])
    #expect(try files.list(way.appending("shared")) == ["sub"])
    #expect(try files.list(way.appending("shared/sub/x")) == ["f", "g", "only-own"])
    #expect(try files.text(way.appending("shared/sub/x/f")) == "own")
    let file = way.appending("shared/sub/f")
    #expect(try files.info(file.appending("below")) == nil)
    #expect(try files.info(file.appending("below").appending("that")) == nil)
    #expect { _ = try files.list(file) } throws: { ($0 as? FileFault)?.kind == .missing }
    #expect { _ = try files.open(file.appending("below/that")) } throws: { ($0 as? FileFault)?.kind == .missing }
    // Nothing is named like that, whatever a configuration or a plan says.
    #expect(throws: FileFault.self) { _ = try files.info(FilePath(shared.string + "/../foreign")) }
    #expect(throws: FileFault.self) { _ = try files.list(way.appending("shared").appending("..")) }
    // The whole disk is a root like any other.
    #expect(throws: FileFault.self) {
      _ = try LinuxFiles(guarded: ["/"]).info(way.appending("shared").appending("sub"))
    }
    #expect(try LinuxFiles(guarded: ["/"]).info(shared.appending("sub"))?.kind == .directory)
  }

  @Test("nor is one watched, but on the way to the folder")
  func watched() throws {
    try folders.link(shared.appending("link"), to: folders.foreign)
    let way = folders.folder.path.appending("way")
    try folders.link(way, to: shared)
    let watcher = Watcher(guarded: [shared, way], onWake: { _ in }, onOverflow: {})
    #expect(watcher.watch(shared.appending("link")) == .polled("no such folder"))
    #expect(watcher.watch(shared.appending("sub")) == .watching)
    #expect(watcher.watch(way) == .watching)
    #expect(Watcher(onWake: { _ in }, onOverflow: {}).watch(shared.appending("link")) == .watching)
  }

  @Test("LinuxFiles keeps its promises there", arguments: FilesConformance.cases)
  func promises(_ promise: FilesCase) throws {
    let place = shared.appending("sub/x/here")
    try files.makeDirectory(place, mode: .stateDirectory)
    try promise.run(files, place)
    try files.makeDirectory(shared.appending("here"), mode: .stateDirectory)
    try promise.run(files, shared.appending("here"))
  }

  @Test("whoever exchanges a folder for a link while we work gets us to nothing", arguments: ["sub", "sub/x"])
  func exchange(_ way: String) throws {
    let swap = folders.folder.path.appending("swap")
    try folders.link(swap, to: folders.foreign)
    let before = try folders.things(in: folders.foreign)
    let spare = try spare()
    let own = open(shared.appending("sub").string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try #require(own >= 0)
    defer { close(own) }
    let exchanger = try Exchanger(shared.appending("sub"), swap)
    defer { exchanger.stop() }
    // Somebody who follows links comes there at once.
    while try folders.plain.info(shared.appending("sub/only-foreign")) == nil {}
    var (rounds, done, denied, halves) = (0, 0, 0, 0)
    while rounds < 1_000 || done < 1_000 || denied < 1_000 {
      rounds += 1
      for act in Act.all {
        do {
          try act.run(files, shared.appending(way), spare)
          done += 1
        } catch let fault as FileFault {
          switch fault.kind {
          case .denied: denied += 1
          case .missing, .exists: halves += 1
          default: Issue.record("\(act): \(fault)")
          }
        }
      }
      try repair(FilePath("/proc/self/fd/\(own)"))
    }
    exchanger.stop()
    #expect(try folders.things(in: folders.foreign) == before)
    print("\(done) done, \(denied) denied, \(halves) half way, \(exchanger.count) exchanges")
  }

  /// Acts that were broken off leave halves; all of them shall be possible again.
  private func repair(_ own: FilePath) throws {
    for folder in [own, own.appending("x")] {
      for name in try folders.plain.list(folder) where !["f", "g", "x", "only-own"].contains(name.description) {
        try? folders.plain.remove(folder.appending(name).appending("e"))
        try folders.plain.remove(folder.appending(name))
      }
      for name in ["f", "g"] where try folders.plain.info(folder.appending(FileName(name))) == nil {
        try folders.plain.put("own", at: folder.appending(FileName(name)))
      }
    }
  }
}
