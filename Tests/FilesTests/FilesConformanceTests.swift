import CLinux
import Core
import Files
import Glibc
import SystemPackage
import TestKit
import Testing

/// An implementation of `Files`, with an empty folder.
private enum Disk: String, CaseIterable, CustomTestStringConvertible {
  case linux = "LinuxFiles, on the disk"
  case memory = "LinuxFiles, in memory"
  case sim = "SimFiles"

  var testDescription: String { rawValue }

  func keeps(_ promise: FilesCase) throws {
    switch self {
    case .linux, .memory:
      let folder = try TemporaryFolder(below: self == .linux ? "/tmp" : "/dev/shm")
      try promise.run(LinuxFiles(), folder.path)
    case .sim:
      let files = SimFiles()
      try files.makeDirectory("/root", mode: .stateDirectory)
      try promise.run(files, "/root")
    }
  }
}

@Suite("Every disk keeps the promises of Files")
struct FilesConformanceTests {
  @Test(arguments: Disk.allCases, FilesConformance.cases)
  private func keeps(_ disk: Disk, _ promise: FilesCase) throws { try disk.keeps(promise) }

  @Test("SimFiles: no rename leads into or out of a mount")
  func simMounts() throws {
    let files = SimFiles()
    try files.makeDirectory("/a", mode: .stateDirectory)
    try files.makeDirectory("/b", mode: .stateDirectory)
    files.setKnobs { $0.mounts = ["/b"] }
    try FilesConformance.acrossMounts(files, "/a", "/b")
  }

  @Test("LinuxFiles: no rename leads to another device")
  func linuxDevices() throws {
    let (disk, memory) = (try TemporaryFolder(), try TemporaryFolder(below: "/dev/shm"))
    let devices = try [disk, memory].map { try LinuxFiles().info($0.path)?.device }
    guard devices[0] != devices[1] else {
      print("skipped: /tmp and /dev/shm are one file system here")
      return
    }
    try FilesConformance.acrossMounts(LinuxFiles(), disk.path, memory.path)
  }

  @Test("LinuxFiles: no rename leads across a bind mount, though the device is the same")
  func linuxBindMount() throws {
    let folder = try TemporaryFolder()
    let (here, there) = (folder.path.appending("here"), folder.path.appending("there"))
    for path in [here, there] { try LinuxFiles().makeDirectory(path, mode: .stateDirectory) }
    guard getuid() == 0, mount(there.string, there.string, nil, 4096, nil) == 0 else {  // 4096: MS_BIND
      print("skipped: only root can bind-mount")
      return
    }
    defer { umount2(there.string, 2) }  // 2: MNT_DETACH
    #expect(try LinuxFiles().info(here)?.device == LinuxFiles().info(there)?.device)
    try FilesConformance.acrossMounts(LinuxFiles(), here, there)
  }
}

@Suite("What a file of the kernel's is asked")
struct LinuxFilesTests {
  let files = LinuxFiles()
  let folder: TemporaryFolder
  var path: FilePath { folder.path }

  init() throws { folder = try TemporaryFolder() }

  @Test("A file that somebody has open for writing has writers, until it is closed")
  func writers() throws {
    let file = path.appending("f")
    do {
      let writer = try files.create(file, mode: .stateFile)
      #expect(try files.writers(of: file) == .some)
      _ = try writer.info()
    }
    #expect(try files.comesToRest(file))
    let reader = try files.open(file)
    #expect(try files.comesToRest(file))
    _ = try reader.info()
  }

  @Test("A FIFO, a device and a link are refused, and nobody waits for them")
  func notRegular() throws {
    let fifo = path.appending("fifo")
    #expect(mkfifo(fifo.string, 0o600) == 0)
    #expect(symlink("/etc/passwd", path.appending("link").string) == 0)
    for path in [fifo, "/dev/null"] {
      #expect { _ = try files.open(path) } throws: { ($0 as? FileFault)?.kind == .damaged }
    }
    #expect { _ = try files.open(path.appending("link")) } throws: { ($0 as? FileFault)?.kind == .io }
    #expect(try files.info(path.appending("link"))?.kind == .link)
    try files.remove(path.appending("link"))
    #expect(try files.info("/etc/passwd") != nil)
  }

  @Test("Bytes go from one file system to another")
  func copyAcross() throws {
    let memory = try TemporaryFolder(below: "/dev/shm")
    let text = String(repeating: "row\n", count: 200_000)
    try files.put(text, at: path.appending("f"))
    try files.copy(path.appending("f"), to: memory.path.appending("f"), mode: .stateFile)
    #expect(try files.text(memory.path.appending("f")) == text)
  }

  @Test("A disk that is full says so, in the words of the kernel")
  func full() throws {
    guard getuid() == 0, mount("tmpfs", path.string, "tmpfs", 0, "size=64k") == 0 else {
      print("skipped: only root can mount a small disk")
      return
    }
    defer { umount2(path.string, 2) }
    let file = try files.create(path.appending("f"), mode: .stateFile)
    let bytes = [UInt8](repeating: 1, count: 1 << 20)
    #expect {
      try bytes.withUnsafeBytes { try file.write($0) }
    } throws: {
      let fault = $0 as? FileFault
      return fault?.kind == .full && fault?.why == "No space left on device (ENOSPC)" && fault?.remedy != nil
    }
    #expect(try files.freeBytes(at: path) < 1 << 16)
  }

  @Test("A path that another name is put to keeps its bytes")
  func paths() {
    let odd = FileName(bytes: [0xff, 0x2e])
    #expect(FilePath("/a").appending(odd).name == odd)
    #expect(
      FilePath("/a").appending(odd).appendingToName(".tmp").name == FileName(bytes: odd.bytes + Array(".tmp".utf8)))
    #expect(FilePath("/a/b c/é%").shown == "/a/b c/é%")
    #expect(FilePath("/a").appending(FileName(bytes: [0x0a, 0xff])).shown == "/a/%0a%ff")
    #expect(FilePath("/").name == nil)
  }

  // In a process of its own, since a user is a property of the process.
  @Test("Another user's file: its writers are unknown, a second name is denied", .enabled(if: getuid() == 0))
  func foreignFile() async {
    let place = path.string
    await #expect(processExitsWith: .success) { [place = place as String] in
      let files = LinuxFiles()
      let path = FilePath(place)
      let (theirs, ours) = (path.appending("theirs"), path.appending("ours"))
      chmod(place, 0o777)
      try files.put("x", at: theirs, mode: AccessMode(rawValue: 0o644))
      try files.put("x", at: ours)
      try files.set(mode: .stateFile, owner: 65_534, group: 65_534, of: ours)
      try files.put("x", at: path.appending("hidden"), mode: AccessMode(rawValue: 0o600))
      guard setgid(65_534) == 0, setuid(65_534) == 0 else { exit(2) }
      guard try files.writers(of: theirs) == .unknown else { exit(3) }
      guard try files.writers(of: ours) == Writers.none else { exit(4) }
      guard try files.writers(of: path.appending("hidden")) == .unknown else { exit(5) }
      do {
        try files.set(mode: .stateFile, owner: nil, group: nil, of: theirs)
        exit(6)
      } catch let fault as FileFault {
        guard fault.kind == .denied, fault.why == "Operation not permitted (EPERM)" else { exit(7) }
        guard fault.remedy?.contains("lsattr") == true else { exit(10) }
      }
      let isProtected = try files.text("/proc/sys/fs/protected_hardlinks") == "1\n"
      do {
        try files.link(path.appending("hidden"), as: path.appending("twin"))
        if isProtected { exit(8) }
      } catch let fault as FileFault {
        guard fault.kind == .denied else { exit(9) }
      }
    }
  }
}
