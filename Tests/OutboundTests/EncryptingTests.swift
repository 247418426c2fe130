import Config
import Core
import Files
import Foundation
import Ledger
import SystemPackage
import TestKit
import Testing

@testable import Outbound

@Suite("Objects that are encrypted, by a real gpg")
struct EncryptingTests {
  private static let reader = Task { try await Correspondent("aep", passphrase: "", kind: ["default", "default"]) }
  private static let log = "id,text\n1,a\n2,\"b\nb\"\n3,c\n"

  private func world(
    _ files: any Files, _ key: String, _ compress: StreamSettings.Encrypt.Compress = .none,
    change: (inout Settings) -> Void = { _ in }
  ) throws -> World {
    try World(
      files,
      change: { settings in
        settings.streams[0].encrypt = .init(key: Secret(key))
        settings.streams[0].encrypt?.compress = compress
        settings.streams[0].key = "{stream}/{seq}.csv.gpg"
        change(&settings)
      })
  }

  private func read(_ world: World) async throws -> [String] {
    let reader = try await Self.reader.value
    var all: [String] = []
    for key in world.store.keys {
      all.append(String(decoding: try await reader.decrypt(world.store.bytes(at: key) ?? []), as: UTF8.self))
    }
    return all
  }

  @Test("Its reader gets the text of each batch, and nobody else sees any of it")
  func roundTrip() async throws {
    let files = SimMachine().files
    try files.outside { try $0.put("/logs/a.csv", Self.log) }
    let world = try world(files, try await Self.reader.value.publicKey()) { $0.streams[0].batch.maxBytes = 20 }
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    #expect(try await read(world) == ["id,text\n1,a\n2,\"b\nb\"\n", "id,text\n3,c\n"])
    for key in world.store.keys {
      #expect(!String(decoding: world.store.bytes(at: key) ?? [], as: UTF8.self).contains("id,text"))
    }
    // What lies in the spool is what was sent: nothing is encrypted for a second time.
    let kept = files.files(below: "/state/streams/opens/delivered").filter { $0.key.string.hasSuffix("object.csv.gz") }
    #expect(Set(kept.values) == Set(world.store.keys.compactMap { world.store.bytes(at: $0) }))
    let batches = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
    #expect(batches.map(\.rows) == [2, 1])
  }

  @Test("Packed within, where that is asked for; megabytes come whole, through one run for each object")
  func packedWithin() async throws {
    let files = SimMachine().files
    let rows = (0..<200_000).map { "\($0),\(UInt64($0) &* 0x9E37_79B9_7F4A_7C15)\n" }.joined()
    try files.outside { try $0.put("/logs/a.csv", "id,text\n" + rows) }
    for compress in StreamSettings.Encrypt.Compress.allCases {
      let world = try world(files, try await Self.reader.value.publicKey(), compress) {
        $0.state = FilePath("/state-\(compress)")
        $0.streams[0].rotation = .follow
      }
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true)
      let key = try #require(world.store.keys.first)
      #expect(world.store.keys.count == 1)
      let clear = try await Self.reader.value.decrypt(world.store.bytes(at: key) ?? [])
      let text = compress == .gzip ? try gunzip(clear) : String(decoding: clear, as: UTF8.self)
      #expect(text == "id,text\n" + rows)
    }
  }

  @Test("A reply that is lost, and a store that is away: the same bytes go again")
  func sameBytes() async throws {
    let files = SimMachine().files
    try files.outside { try $0.put("/logs/a.csv", Self.log) }
    let world = try world(files, try await Self.reader.value.publicKey())
    world.store.expect(.refused(.unreachable), .replyLost)
    var engine = world.makeEngine()
    try await world.settle(&engine, flush: true)
    // Another life, before it has heard of it.
    engine = world.makeEngine()
    try await world.settle(&engine, flush: true, passes: 80)
    #expect(world.store.creates >= 3 && world.store.keys.count == 1)
    #expect(try world.places(.held).isEmpty && world.places(.delivered).count == 1)
    #expect(try await read(world) == [Self.log])
  }

  @Test("Killed at every step, and two kills deep: each record is in one object that its reader can open")
  func crashes() async throws {
    let key = try await Self.reader.value.publicKey()
    // What is encrypted can be opened once the machine is quiet; until then the rows are counted by the plans.
    var sweep = CrashSweep<World>(
      "outbound, encrypted",
      prepare: { machine in
        try machine.files.put("/logs/a.csv", Self.log)
        try machine.files.put("/logs/b.csv", "id,text\n4,d\n")
        return try World(
          machine.files, ledgerGate: machine.points.ledgerGate, storeGate: machine.points.storeGate
        ) { settings in
          settings.streams[0].encrypt = .init(key: Secret(key))
          settings.streams[0].key = "{stream}/{seq}.csv.gpg"
          settings.streams[0].batch.maxBytes = 24
        }
      },
      life: { _, world in
        var engine = world.makeEngine()
        try await world.settle(&engine, flush: true)
      },
      check: { machine, world in
        let batches = try world.ledger.read { (t) throws(LedgerFault) in try t.batches.list() }
        guard batches.map(\.rows).reduce(0, +) == 4, batches.allSatisfy({ $0.deliveredAt != nil }) else {
          throw Broken("the ledger has \(batches.map(\.rows))")
        }
        for batch in batches {
          let object = FilePath("/state/streams/opens/delivered/\(batch.id)/object.csv.gz")
          let sealed = machine.files.files(below: "/state/streams/opens/delivered")[object]
          guard sealed != nil, world.store.bytes(at: batch.key) == sealed else { throw Broken("\(batch.key) differs") }
        }
        guard machine.files.files(below: "/logs").isEmpty else { throw Broken("logs left") }
      })
    // A power cut's outcomes are counted in one life and taken in another, and no two lives give the same bytes.
    sweep.cutsPower = false
    let one = await sweep.run()
    #expect(one.failures.isEmpty && one.steps > 40, "\(one)")
    sweep.depth = 2
    sweep.stride = 23
    let two = await sweep.run()
    #expect(two.failures.isEmpty, "\(two)")
  }

  @Test("A key that cannot be used: the records wait, and why is told; with another key they go")
  func badKeys() async throws {
    let signer = try await Correspondent("signer", passphrase: "", kind: ["rsa2048", "sign"])
    let past = try await Correspondent(
      "past", passphrase: "", kind: ["default", "default"], ends: "seconds=60",
      options: ["--faked-system-time", "20200101T000000"])
    let cases: [(String, String)] = [
      (try await signer.publicKey(), "it is a key for signatures, not for encryption"),
      (try await past.publicKey(), "it has ended at 2020-01-01T00:01:00Z"),
      ("no key at all", "GnuPG finds no public key in it"), ("", "GnuPG finds no public key in it"),
    ]
    for (key, why) in cases {
      let files = SimMachine().files
      try files.outside { try $0.put("/logs/a.csv", Self.log) }
      let world = try world(files, key)
      var engine = world.makeEngine()
      try await world.settle(&engine, flush: true, passes: 4)
      #expect(world.store.keys.isEmpty && engine.isInTrouble)
      let told = world.events.all(.lanePaused).map(\.message).joined()
      #expect(told.contains(why), "\(told)")
      #expect(!told.contains("example.com"))
      // The operator puts another one there, and reloads.
      var changed = world.settings
      changed.streams[0].encrypt = .init(key: Secret(try await Self.reader.value.publicKey()))
      let next = try World(files, ledger: world.ledger, change: { $0 = changed })
      engine = next.makeEngine()
      try await next.settle(&engine, flush: true)
      #expect(try await read(next) == [Self.log])
    }
  }

  @Test(
    "A key in every form in which it is given: armoured, and in Base64 of the text or of the key, with or without line ends"
  )
  func forms() async throws {
    let armoured = try await Self.reader.value.publicKey()
    let body = armoured.split(separator: "\n", omittingEmptySubsequences: false).drop { !$0.isEmpty }.prefix {
      !$0.hasPrefix("=") && !$0.hasPrefix("-----END")
    }.joined()
    let lines = Data(armoured.utf8).base64EncodedString(options: .lineLength64Characters)
    let facts = try PublicKey(Secret(armoured)).facts()
    #expect(facts.encrypts && !facts.isRevoked && facts.ends == nil)
    #expect(abs((facts.made - SystemClock.wall()).components.seconds) < 3_600)
    for form in [Data(armoured.utf8).base64EncodedString(), lines, body, "\n\(armoured)\n"] {
      #expect(try PublicKey(Secret(form)).facts() == facts)
    }
    #expect(facts.end(isAEPs: false) == nil)
    #expect(facts.end(isAEPs: true) == facts.made + .seconds(180 * 86_400))
  }

  @Test("What GnuPG lists of a key, and what no key is")
  func listing() throws {
    let revoked =
      "tru:::\npub:r:3072:1:5A43D61F0A35251B:1796018972:1811570972::-:::sc::::::23::0:\nsub:r:3072:1:D9:17:::::e:\n"
    let facts = try #require(PublicKey.Facts(colons: revoked))
    #expect(facts.isRevoked && facts.complaint(at: facts.made) == "it was revoked")
    #expect(facts.ends == Timestamp(seconds: 1_811_570_972))
    #expect(facts.end(isAEPs: true) == Timestamp(seconds: 1_796_018_972 + 180 * 86_400))
    // A key for signatures that never ends, with two for encryption, of which one is revoked and one ends.
    let parts =
      "pub:u:255:22:A:1000::::::scESC:\nsub:r:255:18:B:1000::::::e:\nsub:u:255:18:C:1000:2000:::::e:\n"
    let split = try #require(PublicKey.Facts(colons: parts))
    #expect(split.encrypts && split.ends == Timestamp(seconds: 2_000))
    #expect(split.complaint(at: Timestamp(seconds: 2_000)) == "it has ended at 1970-01-01T00:33:20Z")
    for text in ["", "pub", "pub:::::::::::", "sub:-:3072:1:D9:1:::::e:", "pub:-:1:1:5A:soon:::::::scE:"] {
      #expect(PublicKey.Facts(colons: text) == nil, "\(text)")
    }
  }

  @Test("AEP is told what the objects are")
  func contentType() async throws {
    let files = SimMachine().files
    try files.outside { try $0.put("/logs/a.csv", Self.log) }
    let world = try world(files, try await Self.reader.value.publicKey())
    var engine = world.makeEngine()
    engine.flush()
    let pass = try engine.pass(at: world.now)
    #expect(pass.uploads.map(\.file.contentType) == ["application/pgp-encrypted"])
  }
}
