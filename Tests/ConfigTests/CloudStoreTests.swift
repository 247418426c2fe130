import Testing

@testable import Config

/// Keys of stores that go together, and those that do not.
@Suite("Keys of cloud stores")
struct CloudStoreTests {
  @Test(
    "options of S3 that exclude each other are told",
    arguments: [
      (
        "fips: true\nendpoint: https://s3.example.net",
        "2:3: stores.aep.fips: it chooses among Amazon's endpoints, and endpoint names one: keep one of the two"
      ),
      (
        "fips: true\naccelerate: true", "2:3: stores.aep.accelerate: there is no such endpoint with fips"
      ),
      (
        "accelerate: true\nforce_path_style: true",
        "2:3: stores.aep.accelerate: it needs a bucket without dots in its name, and no force_path_style"
      ),
      (
        "sse_customer_key: x\nserver_side_encryption: AES256",
        "2:3: stores.aep.sse_customer_key: server_side_encryption is given too: an object is encrypted in one way"
      ),
      (
        "object_lock: { mode: GOVERNANCE }",
        "7:5: stores.aep.object_lock.days: this key is missing: give a whole number from 1 to 36500"
      ),
      (
        "role_session_name: x",
        "7:24: stores.aep.role_session_name: expected 2 to 64 of A-Z a-z 0-9 _ + = , . @ -, found another text (not shown)"
      ),
    ])
  func options(lines: String, expected: String) { #expect(Lane.s3(lines).problems() == [expected]) }

  @Test("an Azure store has one way in")
  func azure() throws {
    let text = """
      stores:
        a: { url: "azblob://account/container/p/q/", account_key: "${KEY}", endpoint: "http://127.0.0.1:10000/account/" }
        b: { url: "azblob://account/container", identity: managed, ca_file: /ca.pem }
        c: { url: "azblob://account/container", sas_token: "?sv=${KEY}" }
        d: { url: "azblob://account/container", connection_string: "${KEY}" }
      """
    let secret = Secret(try #require(Lane.keys["KEY"]))
    var a = AzureSettings(account: "account", container: "container", prefix: "p/q", access: .accountKey(secret))
    a.endpoint = "http://127.0.0.1:10000/account"
    var b = AzureSettings(account: "account", container: "container", access: .managedIdentity)
    b.caFile = "/ca.pem"
    var (c, d) = (b, b)
    (c.caFile, d.caFile) = (nil, nil)
    c.access = .sasToken(Secret("?sv=" + secret.reveal()))
    d.access = .connectionString(secret)
    #expect(try Bench(text, environment: Lane.keys).read().stores.map(\.target) == [a, b, c, d].map { .azure($0) })
    let wrong = Bench(text.replacing("managed", with: "mine"), environment: Lane.keys).problems()
    #expect(wrong == ["3:55: stores.b.identity: expected managed, found another text (not shown)"] || wrong.count == 1)
  }

  @Test("an identity of Azure has what belongs to it, and nothing else")
  func identities() throws {
    func store(_ lines: String) -> Bench {
      Bench("stores:\n  b: { url: \"azblob://account/container\", \(lines) }", environment: Lane.keys)
    }
    let secret = Secret(try #require(Lane.keys["KEY"]))
    var wanted = AzureSettings(account: "account", container: "container", access: .managedIdentity)
    wanted.identity.kind = .principal
    (wanted.identity.tenant, wanted.identity.client, wanted.identity.secret) = ("t-1", "c-1", secret)
    wanted.accessTier = .cool
    let principal = "identity: principal, tenant_id: t-1, client_id: c-1"
    #expect(
      try store("\(principal), client_secret: \"${KEY}\", access_tier: Cool").read().stores.map(\.target) == [
        .azure(wanted)
      ])
    (wanted.identity.secret, wanted.identity.certificate, wanted.accessTier) = (nil, secret, nil)
    wanted.identity.authority = "https://login.example.net"
    #expect(
      try store("\(principal), client_certificate: \"${KEY}\", authority: \"https://login.example.net/\"").read().stores
        .map(\.target) == [.azure(wanted)])
    var workload = AzureSettings(account: "account", container: "container", access: .managedIdentity)
    (workload.identity.kind, workload.identity.tokenFile) = (.workload, "/run/token")
    #expect(try store("identity: workload, token_file: /run/token").read().stores.map(\.target) == [.azure(workload)])
    let wrongs = [
      "identity: managed, tenant_id: t": "tenant_id: it belongs to identity: workload or identity: principal",
      "identity: workload, client_secret: s": "client_secret: it belongs to identity: principal",
      "account_key: k, client_id: c":
        "client_id: it belongs to identity: managed, identity: workload or identity: principal",
      "identity: principal, client_id: c, client_secret: s":
        "tenant_id: this key is missing: identity: principal needs it",
      "\(principal), client_secret: s, client_certificate: s":
        "expected exactly one of client_secret or client_certificate, found client_secret and client_certificate",
      principal: "expected exactly one of client_secret or client_certificate, found none",
    ]
    for (lines, words) in wrongs {
      let problems = store(lines).problems()
      #expect(problems.count == 1 && problems.first?.contains(words) == true, "\(lines): \(problems)")
    }
  }
}
