import Config
import Core
import Files
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite("An object carries its content type")
struct ContentTypeTests {
  @Test("what is packed is told as that, whatever its name; what is not by its name")
  func types() {
    #expect(ContentType.of("a/b.csv", beginning: [0x1f, 0x8b, 8]) == "application/gzip")
    #expect(ContentType.of("a/b.csv", beginning: Array("id".utf8)) == "text/csv")
    #expect(ContentType.of("a/b.json", beginning: Array("{".utf8)) == "application/json")
    #expect(ContentType.of("a/b.csv.gpg", beginning: [0x85]) == "application/pgp-encrypted")
    #expect(ContentType.of("a/b", beginning: []) == "application/octet-stream")
  }

  @Test("S3 and Azure are told, at once and in parts, and no encoding is claimed")
  func told() async throws {
    let folder = try TemporaryFolder()
    func sample(_ size: Int) throws -> StoredFile {
      let file = try StoredFile.sample(at: folder.path.appending("f\(size)"), size: size, seed: 3, LinuxFiles())
      return StoredFile(
        path: file.path, size: file.size, sha256: file.sha256, md5: file.md5, contentType: "application/gzip")
    }
    let (small, large) = (try sample(200_000), try sample(12 << 20))
    let key = try #require(StoreKey("\(uniqueName())/object.csv.gz"))
    let many = try #require(StoreKey("\(key)-many"))
    if let servers = Servers.required() {
      _ = try await servers.store().create(small, at: key)
      _ = try await s3StoreOfParts(servers.settings()).create(large, at: many)
      for key in [key, many] {
        let head = try await servers.aws("s3api", "head-object", "--bucket", servers.bucket, "--key", key.description)
        #expect(head.contains("\"ContentType\": \"application/gzip\"") && !head.contains("ContentEncoding"), "\(head)")
      }
    }
    let server = try await PythonServer.canned(#"[{"status":201}]"#)
    _ = try? await azureStore(cannedAzure(server.port)).create(small, at: key)
    let requests = try await server.requests(atLeast: 1)
    let first = requests.first ?? ""
    #expect(first.contains("x-ms-blob-content-type") && first.contains("application/gzip"), "\(requests)")
    #expect(!requests.joined().contains("content-encoding"))
  }
}
