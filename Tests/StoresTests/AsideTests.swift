import Core
import Files
import Store
import SystemPackage
import TestKit
import Testing

@testable import Stores

/// A deletion sets its file aside for a last look. One that is killed there leaves it hidden: its name is gone, and who asks for it again
/// must not take that for the end of it.
@Suite("What a killed deletion set aside") struct AsideTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let shelf: FilePath
  private let key: StoreKey

  init() throws {
    folder = try TemporaryFolder()
    shelf = folder.path.appending("shelf")
    key = try #require(StoreKey("in/a.csv"))
    try files.ensureDirectory(shelf.appending("in"))
    try files.write(Array("id\n1\n".utf8), to: shelf.appending("in/.~a.csv.part"))
  }

  private func check(_ store: any RemoteStore) async throws {
    let object = try #require(try await store.find(key), "it is found again")
    #expect(object.key == "in/a.csv" && object.size == 5)
    #expect(try files.list(shelf.appending("in")) == ["a.csv"])
    #expect(try await store.delete(key, listedAs: object))
    #expect(try await store.find(key) == nil)
    #expect(try files.list(shelf.appending("in")).isEmpty)
  }

  @Test("is found again in a folder") func local() async throws {
    try await check(LocalStore(shelf, files: files))
  }

  @Test("is found again on an SFTP server") func sftp() async throws {
    if Servers.isSkippable { return }
    let server = try await OtherSFTP(shelf)
    try await check(try server.store(folder: "/"))
  }
}
