import Config
import Core
import Files
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

/// Where keys come from when the configuration has none. The services are stand-ins with the documented shapes; STS' verdict on a
/// signature is botocore's.
@Suite("AWS credential chain")
struct CredentialTests {
  private let folder: TemporaryFolder
  private let files = LinuxFiles()

  /// Until the test is over.
  private let kept = Locked<[PythonServer]>([])

  private func keep(_ server: PythonServer) -> PythonServer {
    kept.withLock { $0.append(server) }
    return server
  }

  init() throws { folder = try TemporaryFolder() }

  private func keys(_ options: String...) async throws -> (PythonServer, String)? {
    if Servers.isSkippable { return nil }
    let server = keep(try await PythonServer.keys(options))
    return (server, "http://127.0.0.1:\(server.port)")
  }

  private func write(_ name: String, _ text: String) throws -> String {
    let path = folder.path.appending(name)
    try files.write(Array(text.utf8), to: path)
    return path.string
  }

  private func chain(
    _ environment: [String: String], containerHost: String? = nil, _ change: (inout S3Settings) -> Void = { _ in }
  ) throws -> CredentialChain {
    var settings = S3Settings(bucket: "bucket", prefix: "", region: "eu-west-1")
    change(&settings)
    let store = StoreSettings(name: try #require(StoreName("test")), target: .s3(settings))
    var environment = environment
    // Never the machine's own.
    environment["AWS_EC2_METADATA_DISABLED"] = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == nil ? "true" : nil
    var places = CredentialPlaces(
      environment: environment, settings: settings, store: store, agent: "navette/test", files: files, clock: wallClock)
    if let containerHost { places.hosted.containerHost = containerHost }
    return CredentialChain(settings, places)
  }

  // MARK: The order

  @Test("keys of the configuration come first, then the environment, then ~/.aws; without any there are none")
  func order() async throws {
    let home = folder.path.string
    try files.makeDirectory(folder.path.appending(".aws"), mode: .stateDirectory)
    _ = try write(".aws/credentials", "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key=file/secret+=\n")
    let all = ["AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "HOME": home]
    let given = try chain(all) {
      $0.accessKeyID = Secret("GIVENKEY")
      $0.secretAccessKey = Secret("s")
    }
    #expect(try await given.fetch()?.keyID == "GIVENKEY")
    let environment = try await chain(all).fetch()
    #expect(environment?.keyID == "ENVKEY" && environment?.sessionToken == "t" && environment?.expires == nil)
    let file = try await chain(["HOME": home]).fetch()
    #expect(file?.keyID == "FILEKEY" && file?.secret == "file/secret+=" && file?.sessionToken == nil)
    #expect(try await chain([:]).fetch() == nil)
    #expect(try await chain(["HOME": "/nonexistent"]).fetch() == nil)
    let half = try await fault { _ = try await chain(["AWS_ACCESS_KEY_ID": "ENVKEY"]).fetch() }
    #expect(half.kind == .denied && half.why == "AWS_SECRET_ACCESS_KEY is missing")
    let nothing = CredentialCache(try chain([:]), clock: wallClock)
    let none = try await fault { _ = try await nothing.credentials() }
    #expect(none.kind == .denied && none.remedy?.contains("access_key_id") == true)
  }

  @Test("profiles are read as Amazon's clients read them")
  func profiles() async throws {
    let config = try write(
      "config",
      """
      # a comment
      [default]
      region = eu-west-3

      [profile own]
      aws_access_key_id = CONFIGKEY ; and why
      aws_secret_access_key = config#secret
      s3 =
        aws_access_key_id = NESTED
      [profile both]
      aws_access_key_id = FROMCONFIG
      aws_secret_access_key = x
      [own]
      aws_access_key_id = NOT-THIS
      [profile sso]
      sso_session = corp
      [profile half]
      aws_access_key_id = x
      """)
    let credentials = try write(
      "credentials", "[both]\naws_access_key_id=FROMCREDENTIALS\naws_secret_access_key=y\naws_session_token=z\n")
    let environment = ["AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": credentials]
    func fetch(_ profile: String) async throws -> AWSCredentials? {
      try await chain(environment) { $0.profile = profile }.fetch()
    }
    #expect(try await fetch("own") == AWSCredentials(keyID: "CONFIGKEY", secret: "config#secret"))
    #expect(
      try await fetch("both") == AWSCredentials(keyID: "FROMCREDENTIALS", secret: "y", sessionToken: "z"))
    for name in ["sso", "half", "nobody", "default"] {
      #expect(try await fault { _ = try await fetch(name) }.kind == .denied)
    }
    var named = environment
    named["AWS_PROFILE"] = "own"
    #expect(try await chain(named).fetch()?.keyID == "CONFIGKEY")
    named["AWS_PROFILE"] = "nobody"
    #expect(try await fault { _ = try await chain(named).fetch() }.place == "profile nobody")
    #expect(try await chain(environment).fetch() == nil, "a default profile without keys is passed over")
  }

  // MARK: STS

  @Test("a role is taken on with a profile's keys, through one profile after the other")
  func roles() async throws {
    guard let (server, sts) = try await keys() else { return }
    let config = try write(
      "config",
      """
      [profile base]
      aws_access_key_id = AKIABASE
      aws_secret_access_key = base-secret
      [profile first]
      role_arn = arn:aws:iam::111122223333:role/first
      source_profile = base
      duration_seconds = 900
      [profile second]
      role_arn = arn:aws:iam::111122223333:role/external
      source_profile = first
      external_id = campaign
      role_session_name = sync
      [profile self]
      role_arn = arn:aws:iam::111122223333:role/self
      source_profile = self
      aws_access_key_id = AKIABASE
      aws_secret_access_key = base-secret
      [profile round]
      role_arn = r
      source_profile = about
      [profile about]
      role_arn = r
      source_profile = round
      [profile env]
      role_arn = arn:aws:iam::111122223333:role/env
      credential_source = Environment
      """)
    let environment = [
      "AWS_CONFIG_FILE": config, "AWS_ENDPOINT_URL_STS": sts, "AWS_ACCESS_KEY_ID": "AKIABASE",
      "AWS_SECRET_ACCESS_KEY": "base-secret",
    ]
    func fetch(_ profile: String) async throws -> AWSCredentials? {
      try await chain(environment) { $0.profile = profile }.fetch()
    }
    let second = try await fetch("second")
    #expect(second?.keyID == "ASIANAVETTE0002" && second?.sessionToken == "issued-token-2")
    #expect(second?.expires.map { $0 > wallClock() + .seconds(3_000) } == true)
    #expect(
      try await server.requests(atLeast: 2) == [
        "AssumeRole arn:aws:iam::111122223333:role/first navette - 900",
        "AssumeRole arn:aws:iam::111122223333:role/external sync campaign -",
      ])
    #expect(try await fetch("self")?.keyID == "ASIANAVETTE0003")
    #expect(try await fetch("env")?.keyID == "ASIANAVETTE0004")
    let round = try await fault { _ = try await fetch("round") }
    #expect(round.kind == .denied && round.why.contains("leads back"))
    // The same by the store's own settings, over what the chain finds.
    let own = try chain(environment) {
      $0.roleARN = "arn:aws:iam::111122223333:role/external"
      $0.externalID = "campaign"
    }
    #expect(try await own.fetch()?.keyID == "ASIANAVETTE0005")
  }

  @Test("a refusal of STS says why, and no secret")
  func refused() async throws {
    guard let (_, sts) = try await keys() else { return }
    func fetch(_ key: String, _ role: String) async throws -> StoreFault {
      let chain = try chain(["AWS_ENDPOINT_URL_STS": sts]) {
        $0.accessKeyID = Secret("AKIABASE")
        $0.secretAccessKey = Secret(key)
        $0.roleARN = "arn:aws:iam::111122223333:role/\(role)"
      }
      return try await fault { _ = try await chain.fetch() }
    }
    let closed = try await fetch("base-secret", "closed")
    #expect(closed.kind == .denied && closed.why.hasPrefix("AccessDenied, HTTP status 403: User is not"))
    #expect(try await fetch("base-secret", "external").kind == .denied)
    let wrong = try await fetch("other-secret", "first")
    #expect(wrong.kind == .denied && wrong.why.contains("SignatureDoesNotMatch"))
    #expect(!wrong.description.contains("other-secret"))
    let nobody = try chain(["AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"]) {
      $0.accessKeyID = Secret("a")
      $0.secretAccessKey = Secret("b")
      $0.roleARN = "r"
    }
    #expect(try await fault { _ = try await nobody.fetch() }.kind == .unreachable)
    #expect(SecurityTokens.endpoint(of: "eu-west-1") == "https://sts.eu-west-1.amazonaws.com")
    #expect(SecurityTokens.endpoint(of: "cn-north-1") == "https://sts.cn-north-1.amazonaws.com.cn")
  }

  @Test("a clock that is wrong is corrected by that of STS")
  func skew() async throws {
    guard let (_, sts) = try await keys("skew=3000") else { return }
    let chain = try chain(["AWS_ENDPOINT_URL_STS": sts]) {
      $0.accessKeyID = Secret("AKIABASE")
      $0.secretAccessKey = Secret("base-secret")
      $0.roleARN = "arn:aws:iam::111122223333:role/first"
    }
    #expect(try await chain.fetch()?.keyID == "ASIANAVETTE0001")
  }

  @Test("a web identity's token becomes keys, unsigned, and is read anew each time")
  func webIdentity() async throws {
    guard let (server, sts) = try await keys() else { return }
    let token = try write("token", "web-token\n")
    let chain = try chain([
      "AWS_ENDPOINT_URL_STS": sts, "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_SESSION_NAME": "pod",
      "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/web",
    ])
    #expect(try await chain.fetch()?.keyID == "ASIANAVETTE0001")
    #expect(
      try await server.requests(atLeast: 1) == [
        "AssumeRoleWithWebIdentity arn:aws:iam::111122223333:role/web pod - -"
      ])
    try files.remove(FilePath(token))
    _ = try write("token", "old-web-token")
    let old = try await fault { _ = try await chain.fetch() }
    #expect(old.kind == .expired && old.why.contains("‹secret›") && !old.description.contains("old-web-token"))
    try files.remove(FilePath(token))
    #expect(try await fault { _ = try await chain.fetch() }.kind == .denied)
    // Whoever writes it has not finished, or has emptied it: no batch is to blame.
    _ = try write("token", "\n")
    let empty = try await fault { _ = try await chain.fetch() }
    #expect(empty.kind == .denied && empty.why == "the file with the token is empty", "\(empty)")
    try files.remove(FilePath(token))
    _ = try write("token", "web-token")
    #expect(try await chain.fetch()?.keyID == "ASIANAVETTE0002")
  }

  @Test("the session's name and the service that gives keys for a role may be set")
  func session() async throws {
    guard let (server, sts) = try await keys() else { return }
    let chain = try chain(["AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1", "AWS_ROLE_SESSION_NAME": "other"]) {
      $0.accessKeyID = Secret("AKIABASE")
      $0.secretAccessKey = Secret("base-secret")
      $0.roleARN = "arn:aws:iam::111122223333:role/first"
      ($0.roleSessionName, $0.stsEndpoint) = ("campaign-prod", sts)
    }
    #expect(try await chain.fetch()?.keyID == "ASIANAVETTE0001")
    #expect(
      try await server.requests(atLeast: 1) == ["AssumeRole arn:aws:iam::111122223333:role/first campaign-prod - -"])
  }

  // MARK: Container, instance, process

  @Test("a container's agent is asked with its token, and only where a token may go")
  func container() async throws {
    guard let (_, base) = try await keys() else { return }
    let relative = [
      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/container/keys",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
    ]
    #expect(try await chain(relative, containerHost: base).fetch()?.sessionToken == "issued-token-1")
    let token = try write("token", "container-token\n")
    var full = [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(base)/container/keys", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
      "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not-this",
    ]
    #expect(try await chain(full).fetch()?.keyID == "ASIANAVETTE0002")
    full["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = nil
    let refused = try await fault { _ = try await chain(full).fetch() }
    #expect(refused.kind == .denied && !refused.description.contains("not-this"))
    full["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://keys.example.net/container/keys"
    #expect(try await fault { _ = try await chain(full).fetch() }.kind == .denied)
    for good in [
      "https://any.example.net/x", "http://localhost:1/x", "http://127.3.2.1/", "http://[::1]:80/",
      "http://169.254.170.23/v1",
    ] {
      #expect(HostedCredentials.mayBeAsked(good), "\(good)")
    }
    for bad in [
      "http://127.0.0.1.example.net/", "http://127.0.0.1@example.net/", "http://[::1].net/", "http://[::1]@x.net/",
      "ftp://127.0.0.1/", "http://10.0.0.1/", "http://localhost.net/", "", "http://127.1/",
    ] {
      #expect(!HostedCredentials.mayBeAsked(bad), "\(bad)")
    }
  }

  @Test("an instance is asked in the second version of its protocol, and never in the first")
  func instance() async throws {
    guard let (server, base) = try await keys() else { return }
    let environment = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": base + "/"]
    #expect(try await chain(environment).fetch()?.keyID == "ASIANAVETTE0001")
    #expect(
      try await server.requests(atLeast: 3) == [
        "PUT /latest/api/token", "GET /latest/meta-data/iam/security-credentials/",
        "GET /latest/meta-data/iam/security-credentials/navette-role",
      ])
    let old = keep(try await PythonServer.canned(#"[{"status":403},{"body":"role"}]"#))
    #expect(try await chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(old.port)"]).fetch() == nil)
    #expect(try await old.requests(atLeast: 1).count == 1)
    let start = ContinuousClock.now
    let silent = keep(try await PythonServer.proxy(to: ":1", "stall"))
    #expect(try await chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(silent.port)"]).fetch() == nil)
    #expect(ContinuousClock.now - start < .seconds(20))
    let broken = keep(
      try await PythonServer.canned(
        #"[{"body":"t"},{"body":"role"},{"body":"{\"Code\":\"Failed\",\"AccessKeyId\":\"x\"}"}]"#))
    let fault = try await fault {
      _ = try await chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(broken.port)"]).fetch()
    }
    #expect(fault.kind == .unreachable && fault.why.hasSuffix(": Failed"))
  }

  @Test("a process prints keys; nothing else that it says is shown", .timeLimit(.minutes(1)))
  func process() async throws {
    let queue = BlockingQueue("test")
    func run(_ script: String, timeout: Duration = .seconds(20)) async throws -> AWSCredentials {
      try await CredentialProcess(
        ["/bin/sh", "-c", script], environment: ["PATH": "/usr/bin:/bin", "WORD": "env"], blocking: queue,
        timeout: timeout
      ).run()
    }
    let good =
      #"{"Version":1,"AccessKeyId":"PROCKEY","SecretAccessKey":"s","SessionToken":"t","Expiration":"2099-01-01T00:00:00+02:00"}"#
    let found = try await run("echo '\(good)' | sed s/PROC/$WORD/")
    #expect(
      found.keyID == "envKEY" && found.sessionToken == "t" && found.expires == Timestamp(text: "2098-12-31T22:00:00Z"))
    for script in [
      "echo hidden-secret; echo hidden-secret >&2; exit 3", "echo hidden-secret", "echo '{\"Version\":2}'",
      #"echo '{"Version":1,"AccessKeyId":"hidden-secret"}'"#, "kill -9 $$", "cat /dev/zero",
    ] {
      let fault = try await fault { _ = try await run(script) }
      #expect(fault.kind == .denied || fault.kind == .unreachable)
      #expect(!fault.description.contains("hidden-secret"))
    }
    let start = ContinuousClock.now
    #expect(
      try await fault { _ = try await run("sleep 50 & sleep 50", timeout: .milliseconds(300)) }.kind == .unreachable)
    #expect(ContinuousClock.now - start < .seconds(20))
    let script = try write("print keys", "#!/bin/sh\necho '\(good)'\n")
    try files.set(mode: AccessMode(rawValue: 0o700), owner: nil, group: nil, of: FilePath(script))
    let config = try write("config", "[profile p]\ncredential_process = \"\(script)\" --for 'the store'\n")
    #expect(try await chain(["AWS_CONFIG_FILE": config]) { $0.profile = "p" }.fetch()?.keyID == "PROCKEY")
    #expect(
      CredentialProcess.words(#"a "b c" 'd "e' f\ g "h\"i\j" ''"#) == ["a", "b c", "d \"e", "f g", "h\"i\\j", ""])
    #expect(CredentialProcess.words("a 'b") == nil && CredentialProcess.words("a \\") == nil)
  }
}
