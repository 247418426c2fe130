import Core
import Store
import SystemPackage

extension StoreSettings {
  /// The keys of one scheme alone; those of every scheme are not here.
  private static let keys: [String: [String]] = [
    "s3": [
      "region", "endpoint", "force_path_style", "access_key_id", "secret_access_key", "session_token", "ca_file",
      "server_side_encryption", "kms_key_id", "checksum", "storage_class", "tags", "acl", "role_arn", "external_id",
      "profile", "role_session_name", "sts_endpoint", "fips", "dualstack", "accelerate", "requester_pays",
      "sse_customer_key", "object_lock", "legal_hold",
    ],
    "azblob": [
      "endpoint", "account_key", "sas_token", "connection_string", "identity", "ca_file", "tenant_id", "client_id",
      "client_secret", "client_certificate", "token_file", "authority", "access_tier",
    ],
    "sftp": [
      "private_key", "passphrase", "password", "known_hosts", "host_key_sha256", "host_key", "file_mode", "dir_mode",
    ],
    "file": [],
  ]

  /// Nil where something was reported.
  init?(_ name: StoreName, _ section: Section) {
    let url = section.require("url", .storeURL)
    self.init(name: name, target: .folder("/"))
    section.read("lifetime", .keep, into: &lifetime)
    if let timeouts = section.section("timeouts") {
      timeouts.read("connect", .time(from: .milliseconds(1), to: .seconds(3_600)), into: &connectTimeout)
      timeouts.read("stall", .time(from: .milliseconds(1), to: .seconds(86_400)), into: &stallTimeout)
      timeouts.finish()
    }
    section.read("concurrency", .count(1...64), into: &concurrency)
    section.read("proxy", .proxy, into: &proxy)
    section.read("for", .word, into: &reader)
    section.read("probe", .probe, into: &probe)
    section.read("trust", .word, into: &trust)
    if let budget = section.section("budget") {
      objectsPerDay = budget.require("per_day", .count(1...86_400))
      budget.finish()
    }

    var target: Target?
    switch url {
    case .s3(let bucket, let prefix): target = .s3(S3Settings(section, bucket: bucket, prefix: prefix))
    case .folder(let folder): target = .folder(folder)
    case .blob(let account, let container, let prefix):
      target = AzureSettings(section, account: account, container: container, prefix: prefix).map { .azure($0) }
    case .sftp(let user, let host, let port, let folder):
      target = SFTPSettings(section, user: user, host: host, port: port, folder: folder).map { .sftp($0) }
    case nil:
      // Which keys belong here is not known: none is called unknown that any scheme has.
      for key in Self.keys.values.joined() { _ = section.read(key, .anything) }
    }
    section.finish(elsewhere: url.map(Self.foreignKeys) ?? [:])
    guard let target else { return nil }
    self.target = target
  }

  private static func foreignKeys(_ url: StoreURL) -> [String: String] {
    var foreign: [String: String] = [:]
    for (scheme, keys) in keys.sorted(by: { $0.key < $1.key }) where scheme != url.scheme {
      for key in keys where keys.isEmpty == false && foreign[key] == nil {
        foreign[key] = "stores whose url begins with \(scheme)://"
      }
    }
    for key in keys[url.scheme] ?? [] { foreign[key] = nil }
    return foreign
  }
}

extension S3Settings {
  fileprivate init(_ section: Section, bucket: String, prefix: String) {
    self.init(bucket: bucket, prefix: prefix, region: "")
    section.read("endpoint", .endpoint(path: false), into: &endpoint)
    // S3-compatible services mostly do not care, and those that do call their only region so.
    region = (endpoint == nil ? section.require("region", .region) : section.read("region", .region)) ?? "us-east-1"
    forcePathStyle = section.read("force_path_style", .flag) ?? endpointIsAddress
    section.read("ca_file", .path("a file with certificates"), into: &caFile)
    section.read("checksum", .word, into: &checksum)
    readOptions(section)
    readVariants(section)

    section.read("access_key_id", .secret, into: &accessKeyID)
    section.read("secret_access_key", .secret, into: &secretAccessKey)
    section.read("session_token", .secret, into: &sessionToken)
    checkKeys(section)
  }

  /// Keys of the configuration are whole, and alone; without them the AWS chain looks for some.
  private func checkKeys(_ section: Section) {
    func report(_ key: String, _ what: String) {
      section.spot.walk.report(ConfigProblem(at: section.place, key: section.spot.child(key).path, what))
    }
    let (hasID, hasKey) = (section.has("access_key_id"), section.has("secret_access_key"))
    if hasID != hasKey {
      report(
        hasID ? "secret_access_key" : "access_key_id",
        "this key is missing: access_key_id and secret_access_key go together")
    }
    if section.has("session_token"), !hasID, !hasKey {
      report("session_token", "it belongs to an access_key_id and a secret_access_key, and there are none")
    }
    if section.has("profile"), hasID || hasKey {
      report("profile", "access_key_id and secret_access_key are given: keep them, or the profile")
    }
    if section.has("external_id"), !section.has("role_arn") {
      report("external_id", "it is told when a role is taken on: role_arn is missing")
    }
  }

  private mutating func readOptions(_ section: Section) {
    section.read("server_side_encryption", .word, into: &serverSideEncryption)
    section.read("kms_key_id", .text("the id, alias or ARN of a KMS key"), into: &kmsKeyID)
    section.read("storage_class", .storageClass, into: &storageClass)
    section.read("tags", .texts("a map of tags, such as {team: crm}"), into: &tags)
    if tags.count > Self.tagsPerObject {
      section.spot.walk.report(
        ConfigProblem(
          at: section.place, key: section.spot.child("tags").path,
          "\(tags.count) tags, and an object takes \(Self.tagsPerObject)"))
    }
    section.read("acl", .text(empty: true), into: &acl)
    section.read("role_arn", .text("the ARN of a role"), into: &roleARN)
    section.read("external_id", .text(), into: &externalID)
    section.read("profile", .text("the name of a profile"), into: &profile)
    section.read("role_session_name", .sessionName, into: &roleSessionName)
    section.read("sts_endpoint", .endpoint(path: false), into: &stsEndpoint)
    section.read("requester_pays", .flag, into: &requesterPays)
    section.read("sse_customer_key", .secret, into: &customerKey)
    section.read("legal_hold", .flag, into: &legalHold)
    if let lock = section.section("object_lock") {
      let mode = lock.require("mode", Kind<ObjectLock.Mode>.word)
      let days = lock.require("days", .count(1...36_500))
      lock.finish()
      if let mode, let days { objectLock = ObjectLock(mode: mode, days: days) }
    }
    if customerKey != nil, serverSideEncryption != nil {
      section.spot.walk.report(
        ConfigProblem(
          at: section.place, key: section.spot.child("sse_customer_key").path,
          "server_side_encryption is given too: an object is encrypted in one way"))
    }
    if kmsKeyID != nil, serverSideEncryption != .kms, section.has("kms_key_id") {
      section.spot.walk.report(
        ConfigProblem(
          at: section.place, key: section.spot.child("kms_key_id").path,
          "a key of KMS needs server_side_encryption: aws:kms"))
    }
  }

  /// Amazon's endpoints have forms, and not every form goes with every other.
  private mutating func readVariants(_ section: Section) {
    for variant in Variant.allCases where section.read(variant.rawValue, .flag) == true { variants.insert(variant) }
    func report(_ variant: Variant, _ what: String) {
      section.spot.walk.report(
        ConfigProblem(at: section.place, key: section.spot.child(variant.rawValue).path, what))
    }
    guard let first = Variant.allCases.first(where: variants.contains) else { return }
    if endpoint != nil {
      report(first, "it chooses among Amazon's endpoints, and endpoint names one: keep one of the two")
    }
    guard variants.contains(.accelerate) else { return }
    if variants.contains(.fips) { report(.accelerate, "there is no such endpoint with fips") }
    if bucket.contains(".") || forcePathStyle {
      report(.accelerate, "it needs a bucket without dots in its name, and no force_path_style")
    }
  }

  private var endpointIsAddress: Bool {
    guard let endpoint, let mark = endpoint.firstRange(of: "://") else { return false }
    return HostPort(endpoint[mark.upperBound...])?.isAddress ?? false
  }
}

extension Kind where T == String {
  fileprivate static var region: Kind<String> {
    .text("the name of a region such as eu-west-1") { text in
      !text.isEmpty && text.utf8.count <= 64 && text.utf8.allSatisfy(Text.isNameByte)
    }
  }
  /// A folder of a store, which ends in a slash then.
  static var probe: Kind<String> {
    Kind.scalar("a folder of the store such as navette-probe/") { text in
      let folder = text.hasSuffix("/") ? text : "\(text)/"
      return StoreKey("\(folder)probe") == nil ? nil : folder
    }
  }
  fileprivate static var sessionName: Kind<String> {
    .text("2 to 64 of A-Z a-z 0-9 _ + = , . @ -") { text in
      (2...64).contains(text.utf8.count)
        && text.utf8.allSatisfy { Text.isNameByte($0) || "_+=,.@-".utf8.contains($0) }
    }
  }
  static var storageClass: Kind<String> {
    .text("a storage class such as STANDARD") { text in
      !text.isEmpty && text.utf8.allSatisfy { (65...90).contains($0) || $0 == UInt8(ascii: "_") }
    }
  }
}

extension Kind where T == Secret? {
  /// A proxy may hold a password, so it is a secret; empty: none.
  static var proxy: Kind<Secret?> {
    Kind<Secret?>.scalar("a proxy such as http://proxy.example.net:3128, or \"\"") { text in
      if text.isEmpty { return .some(nil) }
      guard Text.isLine(text), let mark = text.firstRange(of: "://"),
        ["http", "https", "socks5h"].contains(text[..<mark.lowerBound])
      else { return nil }
      var peer = text[mark.upperBound...]
      if let at = peer.lastIndex(of: "@") { peer = peer[peer.index(after: at)...] }
      if peer.hasSuffix("/") { peer.removeLast() }
      return HostPort(peer) == nil ? nil : .some(Secret(text))
    }.hushed.orAbsent(nil)
  }
}

extension Kind where T == Bool {
  /// Whatever it is.
  fileprivate static var anything: Kind<Bool> { Kind("a value") { _, _ in true } }
}
