import Core
import Files
import Foundation
import Store
import SystemPackage
import TestKit
import Testing

/// One agent with every kind of secret, most of them wrong so that everything is refused and talked about. Then everything that it
/// has written, said and shown is searched.
@Suite("No secret gets out") struct SecretsTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let kept = Kept()

  init() throws { folder = try TemporaryFolder() }

  /// By the name of the file that holds it. A key of Azure must be base64.
  private static let canaries = [
    "s3-secret": "c4nary-s3-secret-1", "s3-token": "c4nary-s3-token-2", "s3-id": "C4NARYKEYID3",
    "azure-key": Data("c4nary-azure-key-4".utf8).base64EncodedString(), "sas-signature": "c4narySasSignature5+/=",
    "sftp-password": "c4nary-sftp-password-6", "passphrase": "c4nary-passphrase-7", "proxy-password": "c4nary-proxy-8",
    "process-secret": "c4nary-process-secret-9", "process-token": "c4nary-process-token-10",
  ]

  private static let stores = ["s3", "process", "blob", "sas", "sftp", "locked", "proxied"]

  /// As it is, and as it stands in a URL.
  private static var needles: [String] {
    canaries.values.flatMap { text in
      let inURL = text.replacing("+", with: "%2B").replacing("/", with: "%2F").replacing("=", with: "%3D")
      return [text, inURL, Data(text.utf8).base64EncodedString()]
    } + ["PRIVATE KEY"]
  }

  private func found(in text: some StringProtocol) -> [String] { Self.needles.filter { text.contains($0) } }

  @Test("neither into what the agent says, keeps, and is called with, nor into its children", .timeLimit(.minutes(2)))
  func nowhere() async throws {
    guard let servers = Servers.required(), let azure = AzureServer.required(), let ssh = OpenSSH.required() else {
      return
    }
    let config = try await site(servers, azure, ssh)
    let environment = [
      "PATH": "/usr/bin:/bin", "HOME": folder.path.string, "CREDENTIALS_DIRECTORY": "\(folder.path)/credentials",
    ]
    func navette(_ words: String...) async throws -> String {
      let outcome = try await Spawn.run([Program.path] + words + ["--config", config.string], environment: environment)
      return outcome.stdout + outcome.stderr
    }
    var said = [try await navette("check"), try await navette("check", "--connect")]
    #expect(said[1].contains("store s3: put: no") && said[1].contains("store sftp: put: no"), "\(said[1])")
    for format in ["text", "json"] {
      let agent = try RunningProgram(
        [Program.path, "run", "--log-format", format, "--config", config.string], environment: environment)
      for _ in 0..<600 where !agent.stderr.contains("agent_started") { try await Task.sleep(for: .milliseconds(50)) }
      // The second agent would wait, as the first one had to.
      said.append(try await navette("retry", "--all"))
      for _ in 0..<600 where !Self.stores.allSatisfy({ agent.stderr.contains("tore \($0)") }) {
        try await Task.sleep(for: .milliseconds(50))
      }
      for store in Self.stores { #expect(agent.stderr.contains("tore \(store)"), "\(store): \(agent.stderr)") }
      for name in ["cmdline", "environ"] {
        let bytes = FileManager.default.contents(atPath: "/proc/\(agent.pid)/\(name)") ?? Data()
        said.append(String(decoding: bytes, as: UTF8.self))
      }
      for words in [["status", "--json"], ["status"], ["batches", "--json"], ["show", "s3-000001", "--json"]] {
        said.append(
          try await Spawn.run([Program.path] + words + ["--config", config.string], environment: environment).stdout)
      }
      agent.signal(SIGTERM)
      #expect(try await agent.ended(within: .seconds(25)) == 0)
      said += [agent.stdout, agent.stderr]
    }
    said.append(try await navette("verify"))
    for text in said {
      let secrets = found(in: text)
      #expect(secrets.isEmpty, "\(secrets) in: \(text)")
    }
    // What children were given, and all that lies in the state folder.
    let child = folder.path.appending("child")
    #expect(try files.info(child)?.size ?? 0 > 0, "no child was run")
    try expectClean(child)
    let state = FileManager.default.enumerator(atPath: "\(folder.path)/state")
    var count = 0
    while let name = state?.nextObject() as? String {
      try expectClean(folder.path.appending("state/\(name)"))
      count += 1
    }
    #expect(count > 10)
  }

  private func expectClean(_ path: FilePath) throws {
    guard try files.info(path)?.kind == .file else { return }
    let text = String(decoding: try files.contents(of: path, limit: 64 << 20), as: UTF8.self)
    let secrets = found(in: text)
    #expect(secrets.isEmpty, "\(secrets) in \(path)")
  }

  @Test("the unit writes no memory into files")
  func noCore() throws {
    let unit = FilePath(Servers.folder).parent.parent
      .appending("systemd/navette.service")
    let text = String(decoding: try files.contents(of: unit, limit: 1 << 16), as: UTF8.self)
    #expect(text.contains("\nLimitCORE=0\n"))
  }

  // MARK: The site

  /// Every store has a stream with a record in its log; children write down what they see.
  private func site(_ servers: Servers, _ azure: AzureServer, _ ssh: OpenSSH) async throws -> FilePath {
    for name in ["state", "log", "credentials", ".aws"] {
      try files.makeDirectory(folder.path.appending(name), mode: AccessMode(rawValue: 0o700))
    }
    for (name, text) in Self.canaries { try write("credentials/\(name)", text) }
    guard case .privateKey(let key, _) = try ssh.key("locked") else { throw CancellationError() }
    try write("credentials/ssh-key", key.reveal())
    let look = "#!/bin/sh\ncat /proc/$$/environ /proc/$$/cmdline /proc/$PPID/cmdline >>\(folder.path)/child\n"
    let grant = """
      {"Version":1,"AccessKeyId":"C4NARYKEYID3","SecretAccessKey":"c4nary-process-secret-9","SessionToken":"c4nary-process-token-10"}
      """
    try write("grant.json", grant)
    try write("grant.sh", "\(look)cat \(folder.path)/grant.json\n")
    try write(".aws/config", "[profile printed]\ncredential_process = /bin/sh \(folder.path)/grant.sh\n")
    let other = try await OtherSFTP(folder.path.appending("log"))
    _ = kept.keep(other.server)
    let proxy = kept.keep(try await PythonServer.forwarding(user: "agent", password: "right"))
    let bucket = "s3://\(servers.bucket)/x"
    let s3 = "region: \(servers.region), endpoint: \"\(servers.s3)\""
    let keys =
      "access_key_id: \"${credential:s3-id}\", secret_access_key: \"${credential:s3-secret}\", session_token: \"${credential:s3-token}\""
    let blob = "url: \"azblob://\(azure.account)/\(azure.container)/x\", endpoint: \"\(azure.endpoint)\""
    let token = "sv=2021-12-02&sr=c&se=2099-01-01&sp=rcwdl&sig=c4narySasSignature5%2B%2F%3D"
    try write("credentials/sas", token)
    try write("credentials/proxy", "http://agent:c4nary-proxy-8@127.0.0.1:\(proxy.port)")
    let streams = Self.stores.map { name in
      "  \(name): { logs: [\"\(folder.path)/log/\(name)/a.csv\"], store: \(name), batch: { max_age: 100ms }, reopen: [/bin/sh, \"\(folder.path)/look.sh\"] }"
    }
    for name in Self.stores {
      try files.makeDirectory(folder.path.appending("log/\(name)"), mode: AccessMode(rawValue: 0o700))
      try write("log/\(name)/a.csv", "id\n1\n")
    }
    try write("look.sh", look)
    let text = """
      state: \(folder.path)/state
      limits: { min_free: 0 }
      stores:
        s3: { url: "\(bucket)", \(s3), \(keys) }
        process: { url: "\(bucket)", \(s3), profile: printed }
        blob: { \(blob), account_key: "${credential:azure-key}" }
        sas: { \(blob), sas_token: "${credential:sas}" }
        sftp: { url: "sftp://partner@127.0.0.1:\(other.server.port)/x", password: "${credential:sftp-password}",
                host_key_sha256: "SHA256:\(other.pin)" }
        locked: { url: "sftp://\(ssh.user)@127.0.0.1:\(ssh.port)/x", private_key: "${credential:ssh-key}",
                  passphrase: "${credential:passphrase}", host_key_sha256: "SHA256:\(ssh.pin)" }
        proxied: { url: "\(bucket)", \(s3), \(keys), proxy: "${credential:proxy}" }
      streams:
      \(streams.joined(separator: "\n"))
      """
    let config = folder.path.appending("navette.yaml")
    try write("navette.yaml", text)
    return config
  }

  private func write(_ name: String, _ text: String) throws {
    try files.write(Array(text.utf8), to: folder.path.appending(name), mode: AccessMode(rawValue: 0o600))
  }
}
