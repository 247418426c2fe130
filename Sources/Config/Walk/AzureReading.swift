import Core

extension AzureSettings {
  /// Nil where something was reported.
  init?(_ section: Section, account: String, container: String, prefix: String) {
    let key = section.read("account_key", .secret)
    let token = section.read("sas_token", .secret)
    let text = section.read("connection_string", .secret)
    let identity = section.read("identity", .text("managed") { $0 == "managed" })
    section.requireOne(of: ["account_key", "sas_token", "connection_string", "identity"])
    let access =
      key.map(Access.accountKey) ?? token.map(Access.sasToken) ?? text.map(Access.connectionString)
      ?? identity.map { _ in .managedIdentity }
    // Read in any case, so that they are known.
    var endpoint: String?
    section.read("endpoint", .endpoint(path: true), into: &endpoint)
    let caFile = section.read("ca_file", .path("a file with certificates"))
    guard let access else { return nil }
    self.init(account: account, container: container, prefix: prefix, access: access)
    self.endpoint = endpoint
    self.caFile = caFile
  }
}
