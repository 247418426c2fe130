import Core
import Files
import SystemPackage
import TestKit
import Testing
import Threads

@Suite("What is mounted where the agent works")
struct MountWatchTests {
  /// As the kernel writes it. The sandbox's own mounts follow those of the host (`master:`).
  private static let root = "21 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw"

  private final class Kernel: Sendable {
    private let lines: Locked<[String]?>
    init(_ lines: [String]) { self.lines = Locked(lines) }
    func now(_ lines: [String]) { self.lines.withLock { $0 = lines } }
    var table: MountWatch.Table {
      { _ in
        self.lines.withLock { lines in
          defer { lines = nil }
          return lines?.joined(separator: "\n")
        }
      }
    }
  }

  /// - Parameter below: the folder, in a folder of the test's own, which `@` stands for in the lines.
  private func why(_ first: [String], _ changes: [[String]], _ below: String = "landing") throws -> [String?] {
    let folder = try TemporaryFolder()
    let path = folder.path.appending(FileName(below))
    try LinuxFiles().ensureDirectory(path)
    func lines(_ lines: [String]) -> [String] {
      ([Self.root] + lines).map { $0.replacing("@", with: folder.path.string) }
    }
    let kernel = Kernel(lines(first))
    let watch = MountWatch(table: kernel.table)
    #expect(watch.fault(at: path, "Cannot look into") == nil)
    #expect(!watch.hasNews())
    return changes.map { change in
      kernel.now(lines(change))
      let fault = watch.fault(at: path, "Cannot look into")
      return fault?.why.replacing(folder.path.string, with: "@")
    }
  }

  private let gone = "the file system that was mounted at @ is gone"
  private let goneLanding = "the file system that was mounted at @/landing is gone"
  private let came = "a file system was mounted at @/landing, and hides what lies below it"

  @Test("One that went is told, and it goes on when one is mounted there again, on any device")
  func unmounted() throws {
    let mount = "30 21 8:17 / @/landing rw shared:9 - ext4 /dev/sdb1 rw"
    let other = "44 21 0:51 / @/landing rw shared:9 - nfs4 server:/x rw"
    #expect(try why([mount], [[], [mount], [], [other]]) == [goneLanding, nil, goneLanding, nil])
  }

  @Test("One that comes over a folder is told, also beneath what the sandbox binds there, and right again when it goes")
  func mountedOver() throws {
    let mount = "30 21 8:17 / @/landing rw shared:9 - ext4 /dev/sdb1 rw"
    #expect(try why([], [[mount], []]) == [came, nil])
    // As seen under systemd 252: beneath the bind, and on it.
    let bind = "218 195 8:1 /srv/landing @/landing rw shared:56 master:1 - ext4 /dev/sda1 rw"
    let over = [
      "218 229 8:1 /srv/landing @/landing rw shared:56 master:1 - ext4 /dev/sda1 rw",
      "229 195 0:62 / @/landing rw shared:58 master:47 - tmpfs over rw",
      "230 218 0:62 / @/landing rw shared:59 master:47 - tmpfs over rw",
    ]
    #expect(try why([bind], [over, [bind]]) == [came, nil])
    // Upon another mount.
    let second = "31 30 8:18 / @/landing rw shared:9 - ext4 /dev/sdc1 rw"
    #expect(try why([mount], [[mount, second], [mount]]) == [came, nil])
  }

  @Test(
    "What a service sees still and its host has unmounted is gone; the same device mounted anew is what it sees, another is not"
  )
  func detached() throws {
    // As seen under systemd 252: the folder lies below the mount, and the sandbox binds it.
    let first = [
      "233 195 8:17 / @ ro shared:47 master:21 - ext4 /dev/sdb1 rw",
      "218 233 8:17 /landing @/landing rw shared:48 master:21 - ext4 /dev/sdb1 rw",
    ]
    let left = [
      "233 195 8:17 / @ ro shared:47 - ext4 /dev/sdb1 rw",
      "218 233 8:17 /landing @/landing rw shared:48 - ext4 /dev/sdb1 rw",
    ]
    let same = left + ["225 195 8:17 / @ rw shared:44 master:21 - ext4 /dev/sdb1 rw"]
    let other = left + ["225 195 8:33 / @ rw shared:44 master:21 - ext4 /dev/sdc1 rw"]
    let found = try why(first, [left, other, left])
    #expect(found == [gone, gone, gone])
    // The bind follows nobody either; the file system below is the same.
    #expect(try why(first, [left, same]) == [gone, nil])
  }

  @Test("What is mounted elsewhere is nothing, nor is one above that stays")
  func elsewhere() throws {
    let above = "30 21 8:17 / @ rw shared:9 - ext4 /dev/sdb1 rw"
    let beside = "31 21 8:18 / @/landing-2 rw shared:9 - ext4 /dev/sdc1 rw"
    let within = "32 21 8:18 / @/landing/below rw shared:9 - ext4 /dev/sdc1 rw"
    #expect(try why([above], [[above, beside], [above, within], [above]]) == [nil, nil, nil])
  }

  @Test("News is told once, of what was asked for")
  func news() throws {
    let folder = try TemporaryFolder()
    let mount = "30 21 8:17 / \(folder.path) rw shared:9 - ext4 /dev/sdb1 rw"
    let kernel = Kernel([Self.root, mount])
    let watch = MountWatch(table: kernel.table)
    _ = watch.fault(at: folder.path, "Cannot look into")
    #expect(!watch.hasNews())
    kernel.now([Self.root, mount, "31 21 8:18 / /elsewhere rw - ext4 /dev/sdc1 rw"])
    #expect(!watch.hasNews())
    kernel.now([Self.root])
    #expect(watch.hasNews() && !watch.hasNews())
    let fault = try #require(watch.fault(at: folder.path, "Cannot look into"))
    #expect(fault.remedy?.contains("systemctl restart navette") == true && fault.kind == .missing)
    kernel.now([Self.root, mount])
    #expect(watch.hasNews() && !watch.hasNews())
  }

  @Test("The kernel's own table says that nothing has changed")
  func kernel() throws {
    let folder = try TemporaryFolder()
    let watch = MountWatch()
    #expect(watch.fault(at: folder.path, "Cannot look into") == nil)
    #expect(watch.fault(at: folder.path, "Cannot look into") == nil)
    #expect(watch.fault(at: folder.path.appending("nowhere"), "Cannot look into") == nil)
  }
}
