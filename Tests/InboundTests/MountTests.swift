import Config
import Core
import Files
import Inbound
import Journal
import Ledger
import SystemPackage
import Testing

@testable import FeedKit

/// File systems that are unmounted and come back, and disks that are full: nothing is concluded from what cannot be seen.
@Suite("Mounts that are away, and room that runs out")
struct MountTests {
  private func rig(mounted: [KeyPath<FeedSettings, FilePath>], minFree: UInt64 = 0) throws -> (Rig, TouchyFiles) {
    let disk = TouchyFiles()
    let rig = try Rig(files: disk, minFree: minFree)
    try LinuxFiles().ensureDirectory(rig.base.appending("empty"))
    for folder in mounted { disk.mount(rig.settings[keyPath: folder]) }
    return (rig, disk)
  }

  private func away(_ folder: FilePath, _ rig: Rig, _ disk: TouchyFiles) {
    disk.unmount(folder, leaving: rig.base.appending("empty"))
  }

  @Test("A landing folder that is unmounted pauses its feed with the reason; when it is back, the feed goes on")
  func landing() throws {
    let (rig, disk) = try rig(mounted: [\.landing])
    try rig.land("a.csv", Sample.table)
    try rig.run(1)
    away(rig.settings.landing, rig, disk)
    let summary = try rig.run(3)
    #expect(summary.trouble?.contains("the file system that was mounted there is gone") == true)
    #expect(rig.events.count(.lanePaused) == 1)
    disk.mount(rig.settings.landing)
    rig.pass(.seconds(60))
    #expect(try rig.run(3).handedOver == 1)
    #expect(rig.events.count(.laneResumed) == 1 && rig.events.count(.dropSeen) == 1)
  }

  @Test(
    "A drop that was copied, and whose original may lie on a mount that is away, waits: it is not handed over twice")
  func betweenCopyAndRemoval() throws {
    let (rig, disk) = try rig(mounted: [\.landing])
    rig.settings.duplicates = .deliver
    try rig.land("a.csv", Sample.table)
    // Stopped just after it was claimed: the original cannot be removed any more.
    disk.refuse(.move, below: rig.settings.landing, .io)
    rig.restart()
    try rig.run(2)
    #expect(try rig.drops(.claimed).count == 1 && rig.handedOver.isEmpty)
    disk.allow()
    away(rig.settings.landing, rig, disk)
    rig.restart()
    rig.pass(.seconds(60))
    try rig.run(3)
    #expect(try rig.handedOver.isEmpty)
    #expect(rig.events.all.last { $0.kind == .dropWaiting }?.fields[.reason] == "not_mounted")
    #expect(rig.events.count(.dropWaiting) == 2, "the disk's refusal before")
    disk.mount(rig.settings.landing)
    rig.pass(.seconds(60))
    try rig.run(3)
    #expect(try rig.handedOver == ["a.csv"] && rig.landed.isEmpty)
    #expect(rig.events.count(.dropSeen) == 1 && rig.events.count(.dropHandedOver) == 1)
  }

  @Test("A hand-over folder that is unmounted between staging and renaming is no receipt")
  func handover() throws {
    let (rig, disk) = try rig(mounted: [\.handover])
    try rig.land("a.csv", Sample.table)
    disk.refuse(.move, below: rig.settings.handover, .io)
    try rig.run(2)
    #expect(try rig.drops(.handover).count == 1)
    disk.allow()
    away(rig.settings.handover, rig, disk)
    rig.restart()
    rig.pass(.seconds(60))
    let summary = try rig.run(2)
    #expect(summary.trouble?.contains("is not mounted now") == true)
    #expect(try rig.drops(.handover).count == 1 && rig.drops(.archive).isEmpty)
    disk.mount(rig.settings.handover)
    rig.pass(.seconds(60))
    try rig.run(2)
    #expect(try rig.handedOver == ["a.csv"] && rig.drops(.archive).count == 1)
    #expect(rig.events.first(.dropHandedOver)?.message.contains("as it seems") == false)
  }

  @Test("A drop that was staged goes to the folder that it was staged in, whatever is configured since")
  func moved() throws {
    let (rig, disk) = try rig(mounted: [])
    try rig.land("a.csv", Sample.table)
    disk.refuse(.move, below: rig.settings.handover, .io)
    try rig.run(2)
    disk.allow()
    let old = rig.settings.handover
    rig.settings.handover = rig.base.appending("elsewhere")
    try rig.files.ensureDirectory(rig.settings.handover)
    rig.restart()
    rig.pass(.seconds(60))
    try rig.run(2)
    #expect(try rig.names(in: old) == ["a.csv"] && rig.handedOver.isEmpty)
  }

  @Test("Room that min_free keeps is not taken: the feed waits, says so once, and goes on by itself")
  func minFree() throws {
    let (rig, disk) = try rig(mounted: [\.landing], minFree: 1 << 20)
    try rig.land("a.csv", Sample.table)
    disk.setFree(1 << 20)
    try rig.run(4)
    #expect(try rig.landed == ["a.csv"] && rig.drops(.claimed).isEmpty && rig.drops(.gathering).isEmpty)
    #expect(rig.events.count(.diskLow) == 1 && rig.events.count(.lanePaused) == 0)
    #expect(rig.events.first(.diskLow)?.message.contains("limits.min_free is 1048576") == true)
    disk.setFree(nil)
    rig.pass(.seconds(60))
    #expect(try rig.run(2).handedOver == 1)
  }

  @Test(
    "A hand-over folder that is read-only pauses the feed, a full one makes the drop wait; nothing half is left, and it goes on by itself",
    arguments: [FileKind.full, .denied])
  func handoverRefuses(kind: FileKind) throws {
    let (rig, disk) = try rig(mounted: [])
    try rig.land("a.csv", Sample.table)
    disk.refuse(.copy, below: rig.settings.handover, kind)
    let summary = try rig.run(3)
    // Room may be there for a smaller one; rights are not.
    #expect((summary.trouble == nil) == (kind == .full) && summary.waiting == 1)
    #expect(rig.events.count(kind == .full ? .dropWaiting : .lanePaused) == 1 && rig.events.count(.diskLow) == 0)
    #expect(try rig.files.list(rig.settings.handover).isEmpty)
    disk.allow()
    rig.pass(.seconds(60))
    #expect(try rig.run(2).handedOver == 1)
    #expect(rig.events.count(.dropSeen) == 1)
  }
}
