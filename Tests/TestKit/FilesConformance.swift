import Core
public import Files
private import Glibc
public import SystemPackage

/// What every implementation of `Files` is held to, case by case. `root` is an empty folder of the case's own.
public struct FilesCase: Sendable, CustomStringConvertible {
  public let description: String
  public let run: @Sendable (any Files, _ root: FilePath) throws -> Void

  init(_ promise: String, _ run: @escaping @Sendable (any Files, _ root: FilePath) throws -> Void) {
    description = promise
    self.run = run
  }
}

public struct FilesBroken: Error, CustomStringConvertible {
  public let description: String
}

public enum FilesConformance {
  public static let cases = names + contents + moves + removals + faults

  static let names: [FilesCase] = [
    FilesCase("a directory lists its names sorted by bytes, without itself and its parent") { files, root in
      for name in ["b", "a", "Z", "é", "a.b"] { try files.put("1", at: root.appending(FileName(name))) }
      try require(files.list(root) == ["Z", "a", "a.b", "b", "é"].map { FileName($0) }, "the order")
      try refuses(.missing) { _ = try files.list(root.appending("nowhere")) }
      try refuses(.missing) { _ = try files.list(root.appending("a")) }
      var each: [FileName] = []
      try files.eachName(in: root) { (name) throws(FileFault) in each.append(name) }
      try require(each.sorted() == files.list(root), "the same names, one after the other")
      try refuses(.missing) { try files.eachName(in: root.appending("nowhere")) { (_) throws(FileFault) in } }
    },
    FilesCase("a name is bytes, whatever they are") { files, root in
      let odd = FileName(bytes: [0xff, 0x0a, 0x20, 0x25, 0xc3])
      let other = FileName(bytes: [0xfe, 0x5c])
      try files.put("odd", at: root.appending(odd))
      try require(files.list(root) == [odd], "listed")
      try files.move(root.appending(odd), to: root.appending(other))
      try require(files.text(root.appending(other)) == "odd", "read")
      try require(root.appending(other).name == other, "taken apart again")
      try files.write([1], to: root.appending(odd))
      try require(files.list(root) == [other, odd], "written by way of another name")
    },
    FilesCase("info tells of the thing itself, and nil where there is none") { files, root in
      let file = root.appending("f")
      try files.put("four", at: file, mode: AccessMode(rawValue: 0o600))
      let info = try present(files.info(file))
      try require(info.kind == .file && info.size == 4 && info.links == 1, "\(info)")
      try require(info.mode.rawValue == 0o600, "mode \(info.mode)")
      try require(files.info(root)?.kind == .directory, "kind of the root")
      try require(files.info(root.appending("nowhere")) == nil, "nothing there")
      try require(files.info(file.appending("below a file")) == nil, "nothing below a file")
    },
    FilesCase("modes are exact, whatever the umask says") { files, root in
      try files.put("", at: root.appending("f"), mode: AccessMode(rawValue: 0o666))
      try files.makeDirectory(root.appending("d"), mode: AccessMode(rawValue: 0o777))
      try require(files.info(root.appending("f"))?.mode.rawValue == 0o666, "file")
      try require(files.info(root.appending("d"))?.mode.rawValue == 0o777, "directory")
      try files.set(mode: AccessMode(rawValue: 0o604), owner: nil, group: nil, of: root.appending("f"))
      try require(files.info(root.appending("f"))?.mode.rawValue == 0o604, "set")
    },
  ]

  static let contents: [FilesCase] = [
    FilesCase("create takes no name that is taken") { files, root in
      try files.put("old", at: root.appending("f"))
      try refuses(.exists) { _ = try files.create(root.appending("f"), mode: .stateFile) }
      try refuses(.missing) { _ = try files.create(root.appending("nowhere/f"), mode: .stateFile) }
      try refuses(.exists) { try files.makeDirectory(root.appending("f"), mode: .stateDirectory) }
      try require(files.text(root.appending("f")) == "old", "left alone")
    },
    FilesCase("what is added goes behind what is there, and makes no file") { files, root in
      try files.put("one", at: root.appending("f"))
      let inode = try files.info(root.appending("f"))?.inode
      let file = try files.append(to: root.appending("f"))
      for text in [" two", " three"] { try Array(text.utf8).withUnsafeBytes { try file.write($0) } }
      try require(files.text(root.appending("f")) == "one two three", "added")
      try require(files.info(root.appending("f"))?.inode == inode, "the same file")
      try refuses(.missing) { _ = try files.append(to: root.appending("nowhere")) }
      try files.makeDirectory(root.appending("d"), mode: .stateDirectory)
      try require((try? files.append(to: root.appending("d"))) == nil, "no folder")
    },
    FilesCase("what is written is read back, from any place in it") { files, root in
      let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let file = try files.create(root.appending("f"), mode: .stateFile)
      for start in stride(from: 0, to: bytes.count, by: 70_000) {
        try Array(bytes[start..<min(start + 70_000, bytes.count)]).withUnsafeBytes { try file.write($0) }
      }
      try require(file.info().size == 300_000, "size while writing")
      try require(files.contents(of: root.appending("f"), limit: 300_000) == bytes, "whole")
      let reader = try files.open(root.appending("f"))
      var part = [UInt8](repeating: 0, count: 10)
      let count = try part.withUnsafeMutableBytes { try reader.read(into: $0, at: 299_995) }
      try require(count == 5 && part[..<5].elementsEqual(bytes[299_995...]), "the end")
      try require(part.withUnsafeMutableBytes { try reader.read(into: $0, at: 300_000) } == 0, "after the end")
      try refuses(.damaged) { _ = try files.contents(of: root.appending("f"), limit: 299_999) }
    },
    FilesCase("an open file stays readable when its name goes") { files, root in
      try files.put("kept", at: root.appending("f"))
      let reader = try files.open(root.appending("f"))
      try files.remove(root.appending("f"))
      var bytes = [UInt8](repeating: 0, count: 4)
      _ = try bytes.withUnsafeMutableBytes { try reader.read(into: $0, at: 0) }
      try require(bytes == Array("kept".utf8), "bytes")
      try require(reader.info().links == 0, "links")
    },
    FilesCase("what is kept open is seen and read, whatever becomes of its name") { files, root in
      try files.put("one", at: root.appending("f"))
      try require(files.comesToRest(root.appending("f")), "at rest")
      let kept = try files.keepOpen(root.appending("f"))
      let writer = try files.append(to: root.appending("f"))
      try files.move(root.appending("f"), to: root.appending("g"))
      try files.remove(root.appending("g"))
      try Array(" two".utf8).withUnsafeBytes { try writer.write($0) }
      let info = try kept.info()
      try require(info.size == 7 && info.links == 0, "\(info)")
      var bytes = [UInt8](repeating: 0, count: 16)
      let count = try bytes.withUnsafeMutableBytes { try kept.read(into: $0, at: 0) }
      try require(String(decoding: bytes[..<count], as: UTF8.self) == "one two", "read")
      try refuses(.missing) { _ = try files.keepOpen(root.appending("g")) }
      try refuses(.damaged) { _ = try files.keepOpen(root) }
    },
    FilesCase("only a regular file is opened") { files, root in
      try refuses(.damaged) { _ = try files.open(root) }
      try refuses(.missing) { _ = try files.open(root.appending("nowhere")) }
      try refuses(.damaged) { _ = try files.writers(of: root) }
      try refuses(.damaged) { try files.copy(root, to: root.appending("copy"), mode: .stateFile) }
    },
    FilesCase("a copy has the same bytes and the mode it was given") { files, root in
      let text = String(repeating: "0123456789", count: 50_000)
      try files.put(text, at: root.appending("f"))
      try files.copy(root.appending("f"), to: root.appending("g"), mode: AccessMode(rawValue: 0o606))
      try require(files.text(root.appending("g")) == text, "bytes")
      try require(files.info(root.appending("g"))?.mode.rawValue == 0o606, "mode")
      try require(files.info(root.appending("g"))?.inode != files.info(root.appending("f"))?.inode, "two files")
      try files.copy(root.appending("f"), to: root.appending("h"), mode: .stateFile)
      try refuses(.exists) { try files.copy(root.appending("f"), to: root.appending("g"), mode: .stateFile) }
      try refuses(.missing) { try files.copy(root.appending("x"), to: root.appending("y"), mode: .stateFile) }
      try require(files.info(root.appending("y")) == nil, "no trace of a copy of nothing")
    },
    FilesCase("a file is cut off only if it is the one that was looked at, and as long") { files, root in
      let path = root.appending("f")
      try files.put("header\nrecord\n", at: path)
      let info = try present(files.info(path))
      try require(files.truncate(path, to: 7, inode: info.inode, expected: 13) == nil, "another size")
      try require(files.truncate(path, to: 7, inode: info.inode + 1, expected: 14) == nil, "another file")
      try require(files.text(path) == "header\nrecord\n", "left alone")
      let cut = try present(files.truncate(path, to: 7, inode: info.inode, expected: 14))
      try require(cut.size == 7 && files.text(path) == "header\n", "cut")
      try refuses(.missing) { _ = try files.truncate(root.appending("g"), to: 0, inode: 1, expected: 0) }
    },
    FilesCase("a write that replaces is whole, and leaves no other name") { files, root in
      try files.write(Array("one".utf8), to: root.appending("f"))
      try files.put("left over", at: root.appending("f.tmp"))
      try files.write(Array("two".utf8), to: root.appending("f"))
      try require(files.text(root.appending("f")) == "two", "text")
      try require(files.list(root) == [FileName("f")], "names")
    },
  ]

  static let moves: [FilesCase] = [
    FilesCase("a move never replaces") { files, root in
      try files.put("a", at: root.appending("a"))
      try files.put("b", at: root.appending("b"))
      try refuses(.exists) { try files.move(root.appending("a"), to: root.appending("b")) }
      try refuses(.exists) { try files.move(root.appending("a"), to: root.appending("a")) }
      try require(files.text(root.appending("a")) == "a" && files.text(root.appending("b")) == "b", "both left alone")
      try files.move(root.appending("a"), to: root.appending("c"))
      try require(files.list(root) == [FileName("b"), FileName("c")], "names")
      try refuses(.missing) { try files.move(root.appending("a"), to: root.appending("d")) }
      try refuses(.missing) { try files.move(root.appending("b"), to: root.appending("nowhere/b")) }
    },
    FilesCase("a directory moves with all that is in it, and never over another") { files, root in
      try files.ensureDirectory(root.appending("d").appending("e"))
      try files.put("x", at: root.appending("d/e/f"))
      try files.makeDirectory(root.appending("empty"), mode: .stateDirectory)
      try refuses(.exists) { try files.move(root.appending("d"), to: root.appending("empty")) }
      try files.move(root.appending("d"), to: root.appending("g"))
      try require(files.text(root.appending("g/e/f")) == "x", "contents")
      try refuses(.io) { try files.move(root.appending("g"), to: root.appending("g/e/g")) }
    },
    FilesCase("replace takes the place of a file") { files, root in
      try files.put("old", at: root.appending("f"))
      try files.put("new", at: root.appending("n"))
      try files.replace(root.appending("f"), with: root.appending("n"))
      try require(files.text(root.appending("f")) == "new" && files.list(root).count == 1, "text")
      try files.replace(root.appending("g"), with: root.appending("f"))
      try require(files.text(root.appending("g")) == "new", "where nothing was")
      try refuses(.missing) { try files.replace(root.appending("g"), with: root.appending("nowhere")) }
      try files.makeDirectory(root.appending("d"), mode: .stateDirectory)
      try refuses(.io) { try files.replace(root.appending("d"), with: root.appending("g")) }
    },
    FilesCase("a link is a second name for the same file") { files, root in
      try files.put("twin", at: root.appending("f"))
      try files.link(root.appending("f"), as: root.appending("g"))
      let (f, g) = try (present(files.info(root.appending("f"))), present(files.info(root.appending("g"))))
      try require(f.inode == g.inode && f.links == 2, "one file")
      try refuses(.exists) { try files.link(root.appending("f"), as: root.appending("g")) }
      try refuses(.missing) { try files.link(root.appending("nowhere"), as: root.appending("h")) }
      try refuses(.denied) { try files.link(root, as: root.appending("h")) }
      try files.remove(root.appending("f"))
      try require(files.text(root.appending("g")) == "twin" && files.info(root.appending("g"))?.links == 1, "the rest")
    },
  ]

  static let removals: [FilesCase] = [
    FilesCase("remove takes a file or an empty directory, and nothing else") { files, root in
      try files.ensureDirectory(root.appending("d"))
      try files.put("", at: root.appending("d/f"))
      try refuses(.exists) { try files.remove(root.appending("d")) }
      try files.remove(root.appending("d/f"))
      try files.remove(root.appending("d"))
      try refuses(.missing) { try files.remove(root.appending("d")) }
      try require(files.list(root).isEmpty, "nothing is left")
    }
  ]

  static let faults: [FilesCase] = [
    FilesCase("sync takes files, directories and many of them, and fails for what is not there") { files, root in
      let names = (0..<100).map { root.appending(FileName("f\($0)")) }
      for name in names { try files.put("x", at: name) }
      try files.sync([names[0], names[0], root])
      try files.sync(names + [root])
      try files.sync([])
      try refuses(.missing) { try files.sync([names[0], root.appending("nowhere")]) }
      try refuses(.missing) { try files.sync(names + [root.appending("nowhere")]) }
    },
    FilesCase("there is free space, and none to be asked for where nothing is") { files, root in
      try require(files.freeBytes(at: root) > 0, "free bytes")
      try refuses(.missing) { _ = try files.freeBytes(at: root.appending("nowhere")) }
    },
    FilesCase("nobody writes to a file at rest") { files, root in
      try files.put("x", at: root.appending("f"))
      try require(files.comesToRest(root.appending("f")), "writers")
      try refuses(.missing) { _ = try files.writers(of: root.appending("nowhere")) }
    },
    FilesCase("a fault says where and why") { files, root in
      do {
        _ = try files.open(root.appending(FileName(bytes: [0x61, 0xff, 0x0a])))
        throw FilesBroken(description: "opened")
      } catch let fault as FileFault {
        try require(fault.place.hasSuffix("a%ff%0a") || fault.place.hasSuffix("a%FF%0A"), fault.place)
        try require(fault.why.hasPrefix("No such file or directory"), fault.why)
      }
    },
  ]

  /// Between `here` and `there`, two folders that no rename leads across.
  public static func acrossMounts(_ files: any Files, _ here: FilePath, _ there: FilePath) throws {
    try files.put("x", at: here.appending("f"))
    try refuses(.crossDevice) { try files.move(here.appending("f"), to: there.appending("f")) }
    try refuses(.crossDevice) { try files.link(here.appending("f"), as: there.appending("f")) }
    try refuses(.crossDevice) { try files.replace(there.appending("f"), with: here.appending("f")) }
    try require(files.list(there).isEmpty && files.text(here.appending("f")) == "x", "nothing was moved")
    try files.copy(here.appending("f"), to: there.appending("f"), mode: .stateFile)
    try require(files.text(there.appending("f")) == "x", "copied")
  }
}

// MARK: words of the cases

func require(_ truth: @autoclosure () throws -> Bool, _ what: @autoclosure () throws -> String) throws {
  if try !truth() { throw try FilesBroken(description: "not as promised: \(what())") }
}

func present<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw FilesBroken(description: "nothing is there") }
  return value
}

func refuses(_ kind: FileKind, line: UInt = #line, _ body: () throws -> Void) throws {
  do {
    try body()
  } catch let fault as FileFault {
    if fault.kind != kind {
      throw FilesBroken(description: "line \(line): expected \(kind), got \(fault.kind): \(fault)")
    }
    return
  }
  throw FilesBroken(description: "line \(line): expected a refusal, \(kind)")
}

extension Files {
  /// Whether nobody writes to the file, at least soon: a test beside this one may be starting a process, which has all our files
  /// open for an instant.
  public func comesToRest(_ path: FilePath) throws -> Bool {
    for _ in 0..<2_000 {
      if try writers(of: path) == Writers.none { return true }
      usleep(1_000)
    }
    return false
  }

  /// A file with this text.
  public func put(_ text: String, at path: FilePath, mode: AccessMode = .stateFile) throws {
    let file = try create(path, mode: mode)
    try Array(text.utf8).withUnsafeBytes { try file.write($0) }
  }

  public func text(_ path: FilePath) throws -> String {
    String(decoding: try contents(of: path, limit: 1 << 24), as: UTF8.self)
  }
}
