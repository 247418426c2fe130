import Core
import Testing

@testable import Config

@Suite("Values from outside")
struct ExpansionTests {
  @Test("come from the environment, a credential or a file, in any value, several in one")
  func sources() throws {
    let bench = Bench(
      "state: /srv/${A}/${B}\nhost: \"${credential:host}\"\nlimits: {min_free: \"${N}\", spool_max_bytes: \"${file:/n}\"}\n",
      ["/run/cred/host": "web-1\n", "/n": "5MiB\r\n"],
      environment: ["A": "one", "B": "two", "N": "7", "CREDENTIALS_DIRECTORY": "/run/cred"])
    let settings = try bench.read()
    #expect(settings.state == "/srv/one/two" && settings.host == "web-1")
    #expect(settings.limits.minFree == 7 && settings.limits.spoolMaxBytes == 5 << 20)
  }

  @Test("are put in once, and $${ stands for itself")
  func once() throws {
    let bench = Bench(
      Lane.shelf + "streams:\n  s: {logs: [\"/l/$${X}\", \"/l/${X}\", \"/l/$x\"], store: shelf}\n",
      environment: ["X": "${Y}"])
    #expect(try bench.read().streams[0].logs == ["/l/${X}", "/l/${Y}", "/l/$x"])
  }

  @Test(
    "that cannot be had are errors, once each",
    arguments: [
      (
        "${NOPE}", "1:7: host: the environment has no NOPE. Set it, for a service with Environment= or EnvironmentFile="
      ),
      (
        "${credential:nope}",
        "1:7: host: the credential nope cannot be read: No such file or directory. "
          + "Give it to the service with LoadCredential=nope:/path, or write ${file:/path}"
      ),
      ("${credential:../x}", "1:7: host: expected ${credential:NAME} with a name of A-Z a-z 0-9 . _ -"),
      ("${file:/nope}", "1:7: host: the file /nope cannot be read: No such file or directory"),
      ("${file:nope}", "1:7: host: expected ${file:/path} with an absolute path without . or .."),
      ("${file:/nul}", "1:7: host: the file /nul does not hold text"),
      ("${X", "1:7: host: a ${ is not closed. Write $${ for a ${ that means itself"),
      ("${}", "1:7: host: expected ${NAME}, ${credential:NAME} or ${file:/path}"),
      ("${a-b}", "1:7: host: expected ${NAME}, ${credential:NAME} or ${file:/path}"),
    ])
  func missing(value: String, expected: String) {
    let bench = Bench(
      "host: \"\(value)\"\n", ["/nul": "a\0b"], environment: ["CREDENTIALS_DIRECTORY": "/run/cred"])
    #expect(bench.problems() == [expected])
  }

  @Test("credentials need systemd's folder")
  func noFolder() {
    #expect(
      Bench("host: ${credential:x}").problems() == [
        "1:7: host: the credential x cannot be read: $CREDENTIALS_DIRECTORY is not set. "
          + "Give it to the service with LoadCredential=x:/path, or write ${file:/path}"
      ])
  }

  @Test("that are secrets may be out of reach of a command that uses no store, and of nobody else")
  func unneeded() throws {
    let text = """
      stores:
        a: { url: "s3://bucket", region: x, access_key_id: "${credential:id}", secret_access_key: "${file:/key}", proxy: "${P}" }
        b: { url: "azblob://account/box", account_key: "${credential:key}" }
        c: { url: "sftp://u@h/x", private_key: "${file:/key}", known_hosts: /etc/hosts-known }
      """
    #expect(Bench(text).problems().count == 5)
    // Files and the environment are not the service's alone.
    #expect(Bench(text).problems(secrets: .ofTheService).map { $0.prefix(2) } == ["2:", "2:", "4:"])
    let settings = try Bench(text).read(secrets: .unneeded)
    #expect(settings.stores.map(\.name.text) == ["a", "b", "c"])
    #expect(Set(settings.unread.map(\.key)).count == 5)
    let whole = try Bench(
      text, ["/c/id": "i", "/c/key": "k", "/key": "f"], environment: ["CREDENTIALS_DIRECTORY": "/c", "P": ""]
    )
    .read(secrets: .unneeded)
    #expect(whole.unread.isEmpty)
  }

  @Test("that are no secrets are needed by all, and so is a reference that can be understood")
  func alwaysNeeded() {
    for text in ["state: ${file:/nope}", "host: ${NOPE}", "feeds: ${credential:x}", "limits: {min_free: \"${NOPE}\"}"] {
      #expect(Bench(text).problems(secrets: .unneeded) == Bench(text).problems(), "\(text)")
      #expect(Bench(text).problems().count == 1)
    }
    let keys = "access_key_id: \"${credential:../x}\", secret_access_key: s"
    let wrong = "stores: {a: {url: \"s3://bucket\", region: x, \(keys)}}"
    #expect(Bench(wrong).problems(secrets: .unneeded).count == 1)
  }

  static let canary = "cAnArY-7f3a"

  @Test(
    "never show in a problem, wherever they are put",
    arguments: [
      "state: ${S}", "host: \"a ${S}\"", "${S}: 1", "limits: {min_free: \"${S}\"}", "limits: \"${S}\"",
      "feeds: {a: \"${S}\"}",
      "feeds: {a: {landing: \"${S}\", handover: \"/${S}\", mode: \"${S}\", include: [\"${S}/\"], format: {delimiter: \"${S}\"}}}",
      "feeds: {a: {landing: \"/${S}\", handover: \"/${S}\"}}",
      "streams: {a: {logs: [\"${S}\"], store: \"${S}\", key: \"{${S}}\", rotation: \"${S}\"}}",
      "streams: {a: {logs: [\"/${S}/x\", \"/${S}/x\"], store: [\"${S}\"]}}",
      "stores: {a: {url: \"${S}\"}}", "stores: {a: {url: \"sftp://u:${S}@h/x\", password: \"${S}\"}}",
      "stores: {a: {url: \"s3://bucket\", region: \"${S} \", access_key_id: \"${S}\", proxy: \"http://u:${S}@p:99999\"}}",
      "metrics: {listen: \"${S}\", textfile: \"${S}\"}",
    ])
  func secrets(text: String) {
    let problems = Bench(text, environment: ["S": Self.canary]).problems()
    #expect(!problems.isEmpty)
    #expect(!problems.joined().contains(Self.canary))
  }

  @Test(
    "nor do secrets that stand in the file itself",
    arguments: [
      "stores: {a: {url: \"s3://bucket\", secret_access_key: [SECRET]}}",
      "stores: {a: {url: \"s3://bucket\", secret_access_key:SECRET}}",
      "stores: {a: {url: \"s3://bucket\", secret_acces_key: SECRET}}", "stores: {a: {url: \"s3://key:SECRET@bucket\"}}",
      "stores: {a: secret_access_key:SECRET}", "stores:\n  a: SECRET\n", "stores: {a: {url: \"sftp://u:SECRET@h/x\"}}",
      "stores: {a: {url: \"s3://bucket\", region: \"SECRET \", endpoint: SECRET, proxy: SECRET, concurrency: SECRET}}",
      "stores: {a: {url: \"s3://bucket\", proxy: \"http://u:SECRET@proxy:1\"}}",
      "feeds: {a: {landing: /l, handover: /h, decrypt: {key: SECRET, passphrase: [SECRET]}}}",
      "feeds: {a: {landing: /l, handover: /h, decrypt: \"key: SECRET\"}}",
      "stores: {a: {url: \"s3://bucket\", tags: {a: [SECRET]}, secret_access_key: SECRET, secret_access_key: SECRET}}",
      "stores:\n  a:\n    secret_access_key: SECRET\n   url: x\n", "stores: {a: {secret_access_key: \"SECRET",
    ])
  func inline(text: String) {
    let problems = Bench(text.replacing("SECRET", with: Self.canary)).problems()
    #expect(!problems.isEmpty)
    #expect(!problems.joined().contains(Self.canary))
  }

  @Test("a secret's own text is behind one door")
  func secret() {
    let secret = Secret(Self.canary)
    #expect("\(secret)" == "‹secret›" && String(reflecting: secret) == "‹secret›")
  }
}
