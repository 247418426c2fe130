import Config
import Core
import Files
import Glibc
import Lanes
import Ledger
import Spool
import SystemPackage
import TestKit
import Testing

@testable import FeedKit
@testable import Inbound

/// With the real gpg, and a key that the test makes.
@Suite("Encrypted drops")
struct DecryptingTests {
  /// Made once: it takes a moment.
  private static let sender = Task { try await Correspondent("campaign") }
  private static let stranger = Task { try await Correspondent("stranger") }

  private func rig(
    passphrase: String = Correspondent.passphrase, _ change: (inout FeedSettings) -> Void = { _ in }
  ) async throws -> (Rig, Correspondent) {
    let sender = try await Self.sender.value
    let key = Secret(try await sender.secretKey())
    let rig = try Rig(.handoverElsewhere) {
      $0.decrypt = FeedSettings.Decrypt(key: key)
      $0.decrypt?.passphrase = Secret(passphrase)
      change(&$0)
    }
    return (rig, sender)
  }

  /// Whether any file of the rig holds the text.
  private func holds(_ rig: Rig, _ text: String, below folder: FilePath) throws -> Bool {
    for name in try rig.files.list(folder) {
      let path = folder.appending(name)
      switch try rig.files.info(path)?.kind {
      case .directory: if try holds(rig, text, below: path) { return true }
      case .file:
        let bytes = try rig.files.contents(of: path, limit: 1 << 26)
        if String(decoding: bytes, as: UTF8.self).contains(text) { return true }
      default: break
      }
    }
    return false
  }

  @Test(
    "The consumer gets the clear text, the archive keeps what came, and no key is left",
    arguments: [
      ["--encrypt"], ["--armor", "--encrypt"], ["--sign", "--encrypt"], ["--compress-algo", "bzip2", "--encrypt"],
    ])
  func clear(options: [String]) async throws {
    let (rig, sender) = try await rig()
    let sealed = try await sender.encrypt(Sample.table, options)
    try rig.land("a.csv.gpg", sealed)
    #expect(try rig.run().handedOver == 1, "\(rig.events.all)")
    #expect(try rig.handedOver == ["a.csv"])
    #expect(try rig.handed("a.csv") == Sample.table)
    let id = try rig.drops(.archive)[0]
    let kept = rig.spool.path(.archive, id).appending("parts/a.csv.gpg")
    #expect(try rig.files.contents(of: kept, limit: 1 << 20) == sealed)
    let part = try rig.plan(.archive, id).parts[0]
    #expect(part.rows == 3 && part.clear?.size == UInt64(Sample.table.utf8.count) && part.clear?.sha256 != part.sha256)
    #expect(try !holds(rig, "id,email", below: rig.base))
    #expect(try rig.files.info(rig.state.gnupg) == nil)
    let told = rig.events.all.map { "\($0.message)\($0.fields)" }.joined()
    #expect(!told.contains(Correspondent.passphrase) && !told.contains("campaign@"))
  }

  @Test(
    "Armored data behind a mark, a blank or a greeting is opened, and without a key told as encrypted",
    arguments: ["\u{feff}", "\n", "\r\n  ", "Hello,\nhere is the file; as agreed:\n\n", " ", "\u{feff}\n"])
  func greeting(before: String) async throws {
    let (rig, sender) = try await rig()
    let sealed = Array(before.utf8) + (try await sender.encrypt(Sample.table, ["--armor", "--encrypt"]))
    try rig.land("a.csv.asc", sealed)
    #expect(try rig.run().handedOver == 1, "\(rig.events.all)")
    #expect(try rig.handed("a.csv") == Sample.table)
    let closed = try Rig()
    try closed.land("a.csv", sealed)
    #expect(try closed.run().quarantined == 1)
    #expect(try closed.reasons(.quarantine, closed.drops(.quarantine)[0]).map(\.code) == [.encrypted])
  }

  @Test("No program of GnuPG is left running for the key")
  func nothingRuns() async throws {
    let (rig, sender) = try await rig()
    try rig.land("a.csv.gpg", try await sender.encrypt(Sample.table))
    #expect(try rig.run().handedOver == 1)
    func running() -> Bool {
      let numbers = (try? rig.files.list("/proc")) ?? []
      return numbers.contains { number in
        // Read by hand: what lies in /proc has no size.
        guard let file = try? rig.files.open(FilePath("/proc/\(number)/cmdline")) else { return false }
        var line = [UInt8](repeating: 0, count: 4096)
        let count = line.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
        return String(decoding: line[..<count], as: UTF8.self).contains(rig.state.gnupg.string)
      }
    }
    for _ in 0..<100 where running() { try await Task.sleep(for: .milliseconds(50)) }
    #expect(!running())
  }

  @Test("What cannot be decrypted wholly is in quarantine, each for its own reason, and nothing of it is handed over")
  func refused() async throws {
    let (rig, sender) = try await rig()
    let rows = "id,email\n" + (0..<20_000).map { "\($0),name\($0 &* 7919 % 100_003)\n" }.joined()
    let whole = try await sender.encrypt(rows, ["--compress-algo", "none", "--encrypt"])
    var altered = whole
    altered[whole.count / 2] ^= 1
    let packed = try await sender.encrypt(rows)
    var alteredPacked = packed
    alteredPacked[packed.count / 2] ^= 1
    let armored = try await sender.encrypt(rows, ["--armor", "--encrypt"])
    let cases: [(String, [UInt8], Reason.Code)] = [
      ("altered", altered, .pgpDamaged), ("altered-packed", alteredPacked, .pgpDamaged),
      ("armor-cut", Array(armored[..<(armored.count / 2)]), .pgpDamaged),
      ("cut", Array(whole.dropLast(1_000)), .pgpDamaged), ("cut-at-end", Array(whole.dropLast(1)), .pgpDamaged),
      ("cut-at-head", Array(whole[..<60]), .pgpDamaged),
      ("cut-packed", Array(packed[..<(packed.count / 2)]), .pgpDamaged),
      ("more", whole + Array("more of it\n".utf8), .pgpDamaged),
      ("not-for-us", try await Self.stranger.value.encrypt(rows), .pgpNoKey),
      ("signed-only", try await sender.encrypt(rows, ["--sign"]), .pgpUnprotected),
      ("twice", whole + whole, .pgpSeveral), ("twice-armored", armored + armored, .pgpSeveral),
      ("twice-compressed", packed + whole, .pgpSeveral),
    ]
    for (name, bytes, _) in cases { try rig.land(name + ".csv.gpg", bytes) }
    #expect(try rig.run().quarantined == cases.count)
    var found: [String: [Reason.Code]] = [:]
    for id in try rig.drops(.quarantine) {
      let plan = try rig.plan(.quarantine, id)
      found[plan.parts[0].name.description] = try rig.reasons(.quarantine, id).map(\.code)
      #expect(plan.parts[0].clear == nil && plan.parts[0].sha256 != nil)
      // Whatever a person says, also by hand.
      #expect(throws: OperatorRefusal.self) {
        try rig.engine.release(try #require(DropID(id)), by: Requester("t", reason: "r"), at: rig.now)
      }
      try rig.put(rig.spool.path(.quarantine, id).appending(DropPlan.overrideName), Array("{}".utf8))
      try rig.engine.retry(try #require(DropID(id)), at: rig.now)
    }
    for (name, _, code) in cases { #expect(found[name + ".csv.gpg"] == [code], "\(name)") }
    #expect(try rig.run().quarantined == cases.count)
    #expect(try rig.handedOver.isEmpty)
    #expect(try !holds(rig, "id,email", below: rig.base))
  }

  @Test("A passphrase that does not open the key is told as that")
  func passphrase() async throws {
    let (rig, sender) = try await rig(passphrase: "another")
    try rig.land("a.csv.gpg", try await sender.encrypt(Sample.table))
    #expect(try rig.run().quarantined == 1)
    let id = try rig.drops(.quarantine)[0]
    #expect(try rig.reasons(.quarantine, id).map(\.code) == [.pgpPassphrase])
    // Mended, it is decrypted after all.
    rig.settings.decrypt?.passphrase = Secret(Correspondent.passphrase)
    rig.engine.reload(rig.settings)
    try rig.engine.retry(try #require(DropID(id)), at: rig.now)
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("a.csv") == Sample.table)
  }

  @Test("A message with a passphrase is no damaged one, whether the feed has one or not")
  func symmetric() async throws {
    let options = ["--symmetric", "--pinentry-mode", "loopback"]
    let (rig, sender) = try await rig(passphrase: "another")
    try rig.land("a.csv.gpg", try await sender.encrypt(Sample.table, options))
    try rig.run()
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.pgpPassphrase])
    let (none, _) = try await self.rig { $0.decrypt?.passphrase = nil }
    try none.land("a.csv.gpg", try await sender.encrypt(Sample.table, options))
    try none.run()
    let reasons = try none.reasons(.quarantine, none.drops(.quarantine)[0])
    #expect(reasons.map(\.code) == [.pgpPassphrase] && reasons[0].message.contains("decrypt.passphrase"))
  }

  @Test("A key that is none makes the drop wait, and says what to do; what needs no key goes on")
  func noKey() async throws {
    let (rig, sender) = try await rig { $0.decrypt = FeedSettings.Decrypt(key: Secret("not a key")) }
    try rig.land("a.csv.gpg", try await sender.encrypt(Sample.table))
    try rig.land("b.csv", Sample.table)
    let summary = try rig.run()
    #expect(rig.events.first(.dropWaiting)?.message.contains("--export-secret-keys") == true)
    #expect(try rig.drops(.claimed).count == 1 && rig.handedOver == ["b.csv"] && summary.blocked == 1)
    #expect(rig.events.count(.lanePaused) == 0 && rig.events.count(.dropWaiting) == 1)
    #expect(try rig.files.info(rig.state.gnupg) == nil)
  }

  @Test("What is inside is checked like any other table")
  func inside() async throws {
    let (rig, sender) = try await rig()
    try rig.land("bad.csv.pgp", try await sender.encrypt(Sample.crooked))
    try rig.land("empty.csv.pgp", try await sender.encrypt(""))
    try rig.land("plain.csv", Sample.other)
    try rig.land("twice.csv.gpg", try await sender.encrypt(try await sender.encrypt(Sample.table)))
    let summary = try rig.run()
    #expect(summary.quarantined == 3 && summary.handedOver == 1)
    let codes = try rig.drops(.quarantine).map { try rig.reasons(.quarantine, $0)[0].code }
    #expect(Set(codes) == [.columnCount, .empty, .encrypted])
    #expect(try rig.handedOver == ["plain.csv"])
    #expect(try !holds(rig, "id,email\n1", below: rig.state.root))
  }

  @Test("Packed inside of its encryption, and rewritten")
  func packed() async throws {
    let (rig, sender) = try await rig()
    try rig.land("a.csv.gz.gpg", try await sender.encrypt(Sample.gzip(Sample.table)))
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handedOver == ["a.csv.gz"])
    rig.settings.rewrite = FeedSettings.Rewrite()
    rig.engine.reload(rig.settings)
    try rig.land("b.csv.gz.gpg", try await sender.encrypt(Sample.gzip(Sample.other)))
    #expect(try rig.run().handedOver == 1)
    #expect(try rig.handed("b.csv") == "id\temail\n4\td\n")
  }

  @Test("The same content, encrypted anew, is a duplicate")
  func duplicate() async throws {
    let (rig, sender) = try await rig()
    for name in ["a.csv.gpg", "b.csv.gpg"] { try rig.land(name, try await sender.encrypt(Sample.table)) }
    try rig.land("c.csv", Sample.table)
    try rig.land("d.csv.gz.gpg", try await sender.encrypt(Sample.gzip(Sample.table)))
    let summary = try rig.run()
    #expect(summary.handedOver == 1 && summary.duplicates == 3)
    // Also where the ledger was made anew.
    let fresh = try Ledger(path: nil)
    rig.restart(ledger: fresh)
    try rig.run(1)
    try rig.land("d.csv.gpg", try await sender.encrypt(Sample.table))
    #expect(try rig.run().duplicates == 1)
  }

  @Test("What grows past the bound is refused while it is decrypted")
  func bomb() async throws {
    let (rig, sender) = try await rig { $0.require.maxBytes = 100_000 }
    let rows = "id,email\n" + String(repeating: "1,a\n", count: 2_000_000)
    try rig.land("a.csv.gpg", try await sender.encrypt(rows))
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.tooLarge])
  }

  @Test("Asked to stop, it parks: the drop stays, and a later pass takes it on")
  func stopped() async throws {
    let (rig, sender) = try await rig()
    let rows = "id,email\n" + (0..<200_000).map { "\($0),name\($0 &* 7919 % 100_003)\n" }.joined()
    let sealed = try await sender.encrypt(rows)
    for patience in [3, 6, 10, 20, 40] {
      try rig.land("a\(patience).csv.gpg", sealed)
      try rig.run(1)
      let asked = Counter()
      let summary = try rig.run(1) { asked.next() > patience }
      guard summary.wasStopped else { continue }
      #expect(try rig.files.info(rig.state.gnupg) == nil)
      #expect(try rig.handedOver.allSatisfy { !$0.hasPrefix(".") })
    }
    try rig.run(3)
    #expect(try rig.handedOver.count == 1)
    #expect(try rig.drops(.archive).count == 5)
  }

  @Test("A home that a killed agent left is cleared at the next start")
  func swept() async throws {
    let (rig, sender) = try await rig()
    try rig.files.ensureDirectory(rig.state.gnupg.appending("private-keys-v1.d"))
    try rig.put(rig.state.gnupg.appending("private-keys-v1.d/old.key"), [1, 2, 3])
    let other = rig.state.gnupg.appending("0123abcd")
    try rig.files.ensureDirectory(other)
    try rig.put(other.appending("gpg-agent.conf"), [1, 2, 3])
    try GnuPG(state: rig.state, runtime: nil).sweep()
    #expect(try rig.files.info(rig.state.gnupg) == nil)
    try rig.land("a.csv.gpg", try await sender.encrypt(Sample.table))
    #expect(try rig.run().handedOver == 1)
  }

  @Test("Feeds that are worked on at the same time have a home each")
  func together() async throws {
    let (rig, _) = try await rig()
    let (decrypt, pg) = (try #require(rig.settings.decrypt), GnuPG(state: rig.state, runtime: nil))
    let one = try pg.open(decrypt, of: rig.settings.name, .free())
    let other = try pg.open(decrypt, of: try #require(FeedName("other")), .free())
    #expect(try rig.files.list(rig.state.gnupg).count == 2)
    one.close()
    #expect(try rig.files.list(rig.state.gnupg).count == 1)
    other.close()
    #expect(try rig.files.info(rig.state.gnupg) == nil)
  }

  @Test("Without a key, encrypted data is refused as before")
  func without() async throws {
    let (rig, sender) = try await rig { $0.decrypt = nil }
    try rig.land("a.csv.gpg", try await sender.encrypt(Sample.table))
    #expect(try rig.run().quarantined == 1)
    #expect(try rig.reasons(.quarantine, rig.drops(.quarantine)[0]).map(\.code) == [.encrypted])
  }

  private static let said: [(lines: [String], exit: Int, code: Reason.Code)] = [
    (
      ["DECRYPTION_KEY A B -", "BEGIN_DECRYPTION", "DECRYPTION_INFO 0 2 0", "PLAINTEXT 62 1 x", "DECRYPTION_FAILED"],
      2, .pgpUnprotected
    ),
    (
      ["NEED_PASSPHRASE_SYM 9 3 2", "BEGIN_DECRYPTION", "ERROR symkey_decrypt.maybe_error 11", "DECRYPTION_FAILED"],
      2, .pgpPassphrase
    ),
    (["ENC_TO 0000000000000000 1 0", "BEGIN_DECRYPTION", "DECRYPTION_FAILED"], 2, .pgpNoKey),
    (
      ["ENC_TO 1111111111111111 1 0", "ENC_TO 2222222222222222 1 0", "BEGIN_DECRYPTION", "DECRYPTION_FAILED"], 2,
      .pgpNoKey
    ),
    (
      ["ENC_TO 1111111111111111 1 0", "ENC_TO AAAAAAAAAAAAAAAA 1 0", "BEGIN_DECRYPTION", "DECRYPTION_FAILED"], 2,
      .pgpPassphrase
    ),
    (
      ["NEED_PASSPHRASE_SYM 9 3 2", "MISSING_PASSPHRASE", "BEGIN_DECRYPTION", "DECRYPTION_FAILED"], 2, .pgpPassphrase
    ),
    (["NODATA 3"], 0, .pgpDamaged), ([String](), 0, .pgpDamaged),
  ]

  @Test("gpg's words are taken for what they mean", arguments: said)
  func words(lines: [String], exit: Int, code: Reason.Code) {
    var status = GnuPGStatus()
    let text = Array(lines.map { "[GNUPG:] \($0)\n" }.joined().utf8)
    // However it is cut.
    for byte in text { withUnsafeBytes(of: byte) { status.feed($0) } }
    guard case .refused(let reason) = status.verdict(exit: Int32(exit), keys: ["AAAAAAAAAAAAAAAA"]) else {
      Issue.record("not refused")
      return
    }
    #expect(reason.code == code)
  }

  @Test("An authenticated mode needs no modification code")
  func authenticated() {
    var status = GnuPGStatus()
    for line in ["BEGIN_DECRYPTION", "DECRYPTION_INFO 0 9 2", "PLAINTEXT 62 1 x", "DECRYPTION_OKAY", "GOODMDC"] {
      status.read("[GNUPG:] \(line)")
    }
    #expect(status.verdict(exit: 0, keys: []) == .whole)
    #expect(status.verdict(exit: nil, keys: []) != .whole)
  }
}
