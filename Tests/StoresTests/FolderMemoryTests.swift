import Core
import Files
import Foundation
import Store
import Stores
import SystemPackage
import TestKit
import Testing
import Threads

@Suite("A folder store whose disk goes away") struct FolderMemoryTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let root: FilePath
  private let file: StoredFile
  /// Where the disk that holds the folder is, as the kernel would say.
  private let home = Locked<String?>("/shelf")

  init() throws {
    folder = try TemporaryFolder()
    root = folder.path.appending("disk/shelf")
    try files.ensureDirectory(root.parent)
    file = try StoredFile.sample(at: folder.path.appending("file"), size: 5_000, seed: 3, files)
  }

  private var record: FilePath { folder.path.appending("state/stores/shelf.json") }

  private func memory(noting: Bool = true) -> FolderMemory {
    FolderMemory(record, files: files, isNoting: noting) { [home] path in
      (try? LinuxFiles().info(path)) == nil ? nil : home.withLock { $0 }
    }
  }

  private func key(_ name: String) throws -> StoreKey { try #require(StoreKey(name)) }

  /// Every question is answered alike.
  private func expectUnreachable(_ store: LocalStore, _ words: String) async throws {
    let asks: [() async throws -> Void] = [
      { _ = try await store.create(file, at: try key("dt=1/b")) }, { _ = try await store.stat(try key("a")) },
      { try await store.list("") { _ in } }, { _ = try await store.readBack(try key("a")) },
      { _ = try await store.read(try key("a"), into: folder.path.appending("copy")) },
      { try await store.delete(try key("a")) },
    ]
    for ask in asks {
      let fault = try await fault(ask)
      #expect(fault.kind == .unreachable && fault.why.contains(words), "\(fault)")
      #expect(fault.remedy?.contains(record.string) == true, "\(fault)")
    }
  }

  @Test("is unreachable, and nothing is made in its stead; back again, it goes on")
  func gone() async throws {
    let store = LocalStore(root, files: files, memory: memory())
    #expect(try await store.create(file, at: try key("a")).outcome == .created)
    try files.move(root, to: folder.path.appending("unmounted"))
    try await expectUnreachable(store, "is gone")
    // Another life, and one that only looks.
    try await expectUnreachable(LocalStore(root, files: files, memory: memory()), "is gone")
    try await expectUnreachable(LocalStore(root, files: files, memory: memory(noting: false)), "is gone")
    #expect(try files.info(root) == nil)
    try files.remove(root.parent)
    try await expectUnreachable(store, "is gone")
    #expect(try files.info(root.parent) == nil)
    try files.ensureDirectory(root.parent)
    try files.move(folder.path.appending("unmounted"), to: root)
    #expect(try await store.create(file, at: try key("a")).outcome == .alreadyThere)
    #expect(try await store.create(file, at: try key("dt=1/b")).outcome == .created)
  }

  @Test("is told from the empty folder that it was mounted on")
  func elsewhere() async throws {
    let store = LocalStore(root, files: files, memory: memory())
    _ = try await store.create(file, at: try key("a"))
    home.withLock { $0 = "/srv/shelf" }
    try await expectUnreachable(store, "/srv/shelf of a file system, and it was /shelf")
    #expect(try files.list(root).map(\.description) == ["a"])
    // A kernel that does not tell any more is no reason to stop.
    home.withLock { $0 = nil }
    #expect(try await store.create(file, at: try key("b")).outcome == .created)
    // A person has decided.
    home.withLock { $0 = "/srv/shelf" }
    try files.remove(record)
    #expect(try await store.create(file, at: try key("c")).outcome == .created)
    #expect(try memory().complaint(about: root) == nil)
  }

  @Test("while an object is written is no success")
  func meanwhile() async throws {
    let looks = Locked(0)
    // Known from before; gone after the second look, when the object is written.
    _ = try await LocalStore(root, files: files, memory: memory()).create(file, at: try key("a"))
    let leaving = FolderMemory(record, files: files) { _ in
      looks.withLock { $0 += 1 }
      return looks.withLock { $0 } < 2 ? "/shelf" : "/srv/shelf"
    }
    let store = LocalStore(root, files: files, memory: leaving)
    #expect(try await fault { _ = try await store.create(file, at: try key("b")) }.kind == .unreachable)
  }

  @Test("is another store where its url is changed; a record that is damaged is none")
  func another() async throws {
    _ = try await LocalStore(root, files: files, memory: memory()).create(file, at: try key("a"))
    let other = folder.path.appending("other")
    #expect(
      try await LocalStore(other, files: files, memory: memory()).create(file, at: try key("a")).outcome == .created)
    try files.write(Array("{".utf8), to: record)
    #expect(
      try await LocalStore(root, files: files, memory: memory()).create(file, at: try key("a")).outcome == .alreadyThere
    )
    #expect(try files.contents(of: record, limit: 999).contains(Array("/disk/shelf".utf8).first ?? 0))
  }

  @Test("who only looks leaves no memory behind")
  func looking() async throws {
    let store = LocalStore(root, files: files, memory: memory(noting: false))
    #expect(try await store.create(file, at: try key("a")).outcome == .created)
    #expect(try files.info(folder.path.appending("state")) == nil)
  }

  @Test("a mount that vanished: nothing lands on the disk below", .enabled(if: geteuid() == 0, "mounts take root"))
  func mount() async throws {
    func run(_ words: String...) async throws {
      let outcome = try await Spawn.run(words, environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
      try #require(outcome.exitCode == 0, "\(words): \(outcome.stderr)")
    }
    try files.ensureDirectory(root)
    try await run("mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", root.string)
    let real = FolderMemory(record, files: files)
    let store = LocalStore(root, files: files, memory: real)
    do {
      _ = try await store.create(file, at: try key("a"))
    } catch {
      try await run("umount", "-l", root.string)
      throw error
    }
    try await run("umount", "-l", root.string)
    let fault = try await fault { _ = try await store.create(file, at: try key("b")) }
    #expect(fault.kind == .unreachable && fault.why.contains("another than it was: "), "\(fault)")
    #expect(try files.list(root).isEmpty)
  }
}

@Suite("The table of mounts") struct MountsTests {
  private let mounts = Mounts(
    """
    21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
    30 21 0:45 / /mnt/share rw shared:9 - nfs4 server:/export rw
    31 21 8:1 /srv/navette/shelf /srv/navette/shelf rw - ext4 /dev/sda1 rw
    32 21 8:17 /@data /mnt/with\\040blank rw - btrfs /dev/sdb1 rw
    33 30 8:33 /inner /mnt/share rw - xfs /dev/sdc1 rw
    nonsense
    """)

  @Test("a path is known within its file system, sandboxed or not")
  func homes() {
    #expect(mounts.home(of: "/srv/other") == "/srv/other")
    #expect(mounts.home(of: "/srv/navette/shelf") == "/srv/navette/shelf", "the sandbox of systemd")
    #expect(mounts.home(of: "/mnt/share/a/b") == "/inner/a/b", "the later of two at one point")
    #expect(mounts.home(of: "/mnt/sharework") == "/mnt/sharework")
    #expect(mounts.home(of: "/mnt/with blank/x") == "/@data/x")
    #expect(mounts.home(of: "/") == "/")
    #expect(Mounts("").home(of: "/x") == nil)
  }

  @Test("the kernel's own table can be read")
  func kernel() throws {
    let folder = try TemporaryFolder()
    #expect(Mounts.home(of: folder.path)?.hasSuffix(folder.path.lastComponent?.string ?? "?") == true)
    #expect(Mounts.home(of: folder.path.appending("nothing")) == nil)
  }
}
