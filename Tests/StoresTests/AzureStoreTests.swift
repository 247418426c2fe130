import Config
import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing

@testable import Stores

@Suite("An Azure store") struct AzureStoreTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let run = uniqueName()
  private let blocks = AzureBlocks.Rule(above: 100_000, size: 30_000)

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("file"), size: 200_000, seed: 1, files)
  }

  private func key(_ name: String) throws -> StoreKey { try #require(StoreKey("\(run)/\(name)")) }

  private struct Look: Decodable {
    var sha256: String
    var size: UInt64
    var metadata: [String: String]
    var names: [String]
  }

  @Test("its objects are there for Microsoft's client, whole or of blocks")
  func officialClient() async throws {
    guard let server = AzureServer.required() else { return }
    #expect(try await server.store().create(file, at: try key("whole.gz")).outcome == .created)
    #expect(try await server.store(rule: blocks).create(file, at: try key("dt=1/blocks.gz")).outcome == .created)
    for name in ["whole.gz", "dt=1/blocks.gz"] {
      let look = try JSONDecoder().decode(Look.self, from: Data(try await server.client("look", "\(run)/\(name)").utf8))
      #expect(look.sha256 == file.sha256.description && look.size == file.size)
      #expect(look.metadata == ["navettesha256": file.sha256.description])
      #expect(look.names.contains("\(run)/\(name)"))
    }
  }

  @Test("blocks never replace an object, and one that is there is known")
  func blocksAndOthers() async throws {
    guard let server = AzureServer.required() else { return }
    let store = try server.store(rule: blocks)
    let other = try StoredFile.sample(at: folder.path.appending("other"), size: 200_000, seed: 2, files)
    #expect(try await store.create(file, at: try key("b")).outcome == .created)
    #expect(try await store.create(file, at: try key("b")).outcome == .alreadyThere)
    #expect(try await server.store().create(file, at: try key("b")).outcome == .alreadyThere)
    #expect(try await fault { _ = try await store.create(other, at: try key("b")) }.kind == .mismatch)
    #expect(try await store.stat(try key("b"))?.sha256 == file.sha256)
  }

  @Test("of two who send blocks for one name, one wins, and the other learns it")
  func race() async throws {
    guard let server = AzureServer.required() else { return }
    let store = try server.store(rule: blocks)
    let key = try key("race")
    let outcomes = await withTaskGroup(of: Receipt.Outcome?.self) { group in
      for _ in 0..<4 { group.addTask { try? await store.create(file, at: key).outcome } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes.count { $0 == .created } <= 1)
    #expect(try await store.create(file, at: key).size == file.size)
  }

  @Test("a token, a connection string and identities open the container as the key does")
  func waysIn() async throws {
    guard let server = AzureServer.required() else { return }
    let assertion = folder.path.appending("assertion")
    try files.write(Array("navette-test-assertion\n".utf8), to: assertion)
    // As Kubernetes mounts it: a link.
    let link = folder.path.appending("link")
    try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: assertion.string)
    let token = try await server.sas("rcwdl")
    let account = "AccountName=\(server.account)"
    let texts = [
      "DefaultEndpointsProtocol=http;\(account);AccountKey=\(server.key);BlobEndpoint=\(server.endpoint)",
      "BlobEndpoint=\(server.endpoint)/;SharedAccessSignature=\(token.reveal())",
    ]
    let machine = ["AZURE_POD_IDENTITY_AUTHORITY_HOST": server.origin + "/"]
    let workload = [
      "AZURE_FEDERATED_TOKEN_FILE": link.string, "AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1",
      "AZURE_AUTHORITY_HOST": server.origin + "/",
    ]
    var stores = [
      try server.store { $0.access = .sasToken(Secret("?" + token.reveal())) },
      try server.store(environment: machine) { $0.access = .managedIdentity },
      try server.store(environment: workload) { $0.access = .managedIdentity },
    ]
    for text in texts {
      stores.append(
        try server.store {
          $0.access = .connectionString(Secret(text))
          $0.endpoint = nil
        })
    }
    for (index, store) in stores.enumerated() {
      let key = try key("way\(index)")
      #expect(try await store.create(file, at: key).outcome == .created)
      #expect(try await store.read(key, into: folder.path.appending("back\(index)")).sha256 == file.sha256)
      try await store.delete(key)
      #expect(try await store.stat(key) == nil)
      try await store.list(run) { _ in }
    }
  }

  @Test("a token's end is known ahead, and told apart from a wrong one")
  func expiry() async throws {
    guard let server = AzureServer.required() else { return }
    let token = try await server.sas("rcwdl", hours: 240)
    let store = try server.store { $0.access = .sasToken(token) }
    let end = try #require(store.traits.expires)
    let hours = (end - wallClock()).components.seconds / 3600
    #expect((238...240).contains(hours))
    #expect(try server.store().traits.expires == nil)
    let late = try await server.sas("rcwdl", hours: -1)
    let over = try await fault { _ = try await server.store { $0.access = .sasToken(late) }.stat(try key("x")) }
    #expect(over.kind == .expired && over.description.contains("new sas_token"), "\(over)")
    let wrong = Secret(token.reveal().replacing("sp=rcwdl", with: "sp=rcwd"))
    let refused = try await fault {
      _ = try await server.store { $0.access = .sasToken(wrong) }.create(file, at: key("x"))
    }
    #expect(refused.kind == .denied, "\(refused)")
    let signature = try #require(token.reveal().split(separator: "&").first { $0.hasPrefix("sig=") }).dropFirst(4)
    #expect(!refused.description.contains(signature))
    #expect(!refused.description.contains(try #require(FileName(escaped: String(signature))?.plain)))
  }

  @Test("a token that may create and read never overwrites, and one that may only create says what it lacks")
  func createOnlyToken() async throws {
    guard let server = AzureServer.required() else { return }
    let creator = try await server.sas("cr")
    let store = try server.store { $0.access = .sasToken(creator) }
    #expect(try await store.create(file, at: try key("c")).outcome == .created)
    #expect(try await store.create(file, at: try key("c")).outcome == .alreadyThere)
    let blind = try await server.sas("c")
    let fault = try await fault {
      _ = try await server.store { $0.access = .sasToken(blind) }.create(file, at: try key("c"))
    }
    #expect(fault.kind == .denied && fault.description.contains("sp=rcwl"), "\(fault)")
  }

  @Test("what is wrong with the account is said, without its key")
  func wrong() async throws {
    guard let server = AzureServer.required() else { return }
    let other = Data("another-key-0123456789".utf8).base64EncodedString()
    let wrongs: [(kind: StoreKind, change: (inout AzureSettings) -> Void)] = [
      (.denied, { $0.access = .accountKey(Secret(other)) }), (.wrongPlace, { $0.container = "no-such-container" }),
      (.denied, { $0.access = .sasToken(Secret("sv=2021-12-02&sr=c&sig=\(other)&se=2099-01-01&sp=rcwdl")) }),
    ]
    for wrong in wrongs {
      let store = try server.store(wrong.change)
      for ask in [
        { _ = try await store.create(file, at: try key("w")) }, { _ = try await store.stat(try key("w")) },
        { try await store.list("") { _ in } }, { try await store.delete(try key("w")) },
      ] as [() async throws -> Void] {
        let fault = try await fault(ask)
        #expect(fault.kind == wrong.kind && fault.remedy != nil, "\(fault)")
        #expect(!fault.description.contains(other) && !fault.description.contains(server.key))
      }
    }
    for text in ["AccountName=somebody;AccountKey=\(other)", "AccountKey=no base64 \(other)", "EndpointSuffix=x"] {
      let fault = try await fault { _ = try server.store { $0.access = .connectionString(Secret(text)) } }
      #expect(fault.kind == .denied && !fault.description.contains(other), "\(fault)")
    }
  }

  @Test("a clock that is off is found out from the service, once")
  func skew() async throws {
    guard let server = AzureServer.required() else { return }
    let store = try server.store(clock: { wallClock() + .seconds(3 * 3600) })
    #expect(try await store.create(file, at: try key("late")).outcome == .created)
    #expect(try await store.stat(try key("late"))?.size == file.size)
    #expect(abs((store.client.now - wallClock()).components.seconds) < 600)
  }

  @Test("a file that changed on our disk is held, not retried")
  func changed() async throws {
    guard let server = AzureServer.required() else { return }
    try files.remove(file.path)
    _ = try StoredFile.sample(at: file.path, size: 200_000, seed: 9, files)
    for rule in [AzureBlocks.Rule(), blocks] {
      let store = try server.store(rule: rule)
      #expect(try await fault { _ = try await store.create(file, at: try key("ch")) }.kind == .refused)
      #expect(try await store.stat(try key("ch")) == nil)
    }
  }

  @Test("a machine without an identity service is told so")
  func noIdentity() async throws {
    guard let server = AzureServer.required() else { return }
    let store = try server.store(environment: ["AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"]) {
      $0.access = .managedIdentity
    }
    let fault = try await fault { _ = try await store.stat(try key("x")) }
    #expect(fault.kind == .unreachable && fault.description.contains("machines of Azure"), "\(fault)")
    let assertion = folder.path.appending("assertion")
    try files.write(Array("navette-test-assertion".utf8), to: assertion)
    let refused = try server.store(environment: [
      "AZURE_FEDERATED_TOKEN_FILE": assertion.string, "AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "nobody",
      "AZURE_AUTHORITY_HOST": server.origin,
    ]) { $0.access = .managedIdentity }
    let denied = try await Self.askFault(refused, try key("x"))
    #expect(denied.kind == .denied && denied.description.contains("invalid_client"), "\(denied)")
  }

  private static func askFault(_ store: AzureStore, _ key: StoreKey) async throws -> StoreFault {
    try await fault { _ = try await store.stat(key) }
  }
}
