import Core

extension AzureSettings {
  /// Nil where something was reported.
  init?(_ section: Section, account: String, container: String, prefix: String) {
    let key = section.read("account_key", .secret)
    let token = section.read("sas_token", .secret)
    let text = section.read("connection_string", .secret)
    let kind = section.read("identity", Kind<Identity.Kind>.word)
    section.requireOne(of: ["account_key", "sas_token", "connection_string", "identity"])
    let access =
      key.map(Access.accountKey) ?? token.map(Access.sasToken) ?? text.map(Access.connectionString)
      ?? kind.map { _ in .managedIdentity }
    // Read in any case, so that they are known.
    var endpoint: String?
    section.read("endpoint", .endpoint(path: true), into: &endpoint)
    let caFile = section.read("ca_file", .path("a file with certificates"))
    let tier = section.read("access_tier", Kind<AccessTier>.word)
    let identity = Identity(section, kind)
    guard let access else { return nil }
    self.init(account: account, container: container, prefix: prefix, access: access)
    self.endpoint = endpoint
    self.caFile = caFile
    self.identity = identity
    accessTier = tier
  }
}

extension AzureSettings.Identity {
  /// Which keys belong to which identity; the first ones are needed where the environment cannot tell.
  private static let keys: [Kind: [String]] = [
    .managed: ["client_id"], .workload: ["tenant_id", "client_id", "token_file", "authority"],
    .principal: ["tenant_id", "client_id", "client_secret", "client_certificate", "authority"],
  ]

  fileprivate init(_ section: Section, _ kind: Kind?) {
    self.init()
    if let kind { self.kind = kind }
    section.read("tenant_id", .directoryName, into: &tenant)
    section.read("client_id", .directoryName, into: &client)
    section.read("client_secret", .secret, into: &secret)
    section.read("client_certificate", .secret, into: &certificate)
    section.read("token_file", .path("a file with a token"), into: &tokenFile)
    section.read("authority", .endpoint(path: false), into: &authority)
    check(section, kind)
  }

  private func check(_ section: Section, _ kind: Kind?) {
    func report(_ key: String, _ what: String) {
      section.spot.walk.report(ConfigProblem(at: section.place, key: section.spot.child(key).path, what))
    }
    let all = ["tenant_id", "client_id", "client_secret", "client_certificate", "token_file", "authority"]
    for key in all where section.has(key) && !(kind.flatMap { Self.keys[$0] } ?? []).contains(key) {
      let owners = Kind.allCases.filter { Self.keys[$0]?.contains(key) == true }.map { "identity: \($0.rawValue)" }
      report(key, "it belongs to \(KeyText.choice(owners))")
    }
    guard kind == .principal else { return }
    for key in ["tenant_id", "client_id"] where !section.has(key) {
      report(key, "this key is missing: identity: principal needs it")
    }
    section.requireOne(of: ["client_secret", "client_certificate"])
  }
}

extension Kind where T == String {
  /// Of a tenant or an application: mostly a UUID; a tenant may be a domain.
  fileprivate static var directoryName: Kind<String> {
    .text("an id such as 01234567-89ab-cdef-0123-456789abcdef") { text in
      !text.isEmpty && text.utf8.count <= 253 && text.utf8.allSatisfy { Text.isNameByte($0) }
    }
  }
}
