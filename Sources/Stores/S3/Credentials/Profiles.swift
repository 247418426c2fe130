import Core
import Store
import SystemPackage

/// Keys of a profile of `~/.aws/credentials` and `~/.aws/config`: its own, those that a program prints, or those of a role taken on
/// with another profile's (docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
struct Profiles: Sendable {
  private let places: CredentialPlaces

  init(_ places: CredentialPlaces) { self.places = places }

  /// - Parameter isAsked: somebody named the profile, so that it must be there and have keys.
  func credentials(of name: String, isAsked: Bool) async throws(StoreFault) -> AWSCredentials? {
    let profiles = try load()
    guard let profile = profiles[name] else {
      if isAsked {
        throw fault(name, "there is no such profile", "Describe it in \(path(of: .config) ?? "~/.aws/config")")
      }
      return nil
    }
    let found = try await credentials(profile, name, profiles, seen: [])
    if found == nil, isAsked || profile["sso_session"] != nil || profile["sso_start_url"] != nil {
      let isSSO = profile["sso_session"] != nil || profile["sso_start_url"] != nil
      throw fault(
        name, isSSO ? "it signs in by SSO, and a service has no browser" : "it holds no keys",
        "Give it aws_access_key_id and aws_secret_access_key, credential_process, or role_arn and source_profile")
    }
    return found
  }

  private typealias Profile = [String: String]

  private func credentials(
    _ profile: Profile, _ name: String, _ all: [String: Profile], seen: [String]
  ) async throws(StoreFault) -> AWSCredentials? {
    if let arn = profile["role_arn"] {
      let role = SecurityTokens.Role(
        arn: arn, session: profile["role_session_name"], externalID: profile["external_id"],
        duration: profile["duration_seconds"])
      if let file = profile["web_identity_token_file"] { return try await places.webIdentity(role, tokenFile: file) }
      return try await places.tokens.assume(role, with: try await source(of: profile, name, all, seen: seen))
    }
    if let own = try keys(of: profile, name) { return own }
    if let command = profile["credential_process"] {
      let words = CredentialProcess.words(command)
      guard let words, !words.isEmpty else {
        throw fault(name, "its credential_process is no command", "Check its quotes")
      }
      return try await CredentialProcess(words, environment: places.environment, blocking: places.blocking).run()
    }
    return nil
  }

  /// The keys that a role is taken on with.
  private func source(
    of profile: Profile, _ name: String, _ all: [String: Profile], seen: [String]
  ) async throws(StoreFault) -> AWSCredentials {
    if let place = profile["credential_source"] {
      let found: AWSCredentials? =
        switch place {
        case "Environment": try places.environmentKeys()
        case "EcsContainer": try await places.hosted.container(places.source)
        case "Ec2InstanceMetadata": try await places.hosted.instance()
        default: nil
        }
      guard let found else {
        throw fault(
          name, "its credential_source has no keys", "It is Environment, EcsContainer or Ec2InstanceMetadata")
      }
      return found
    }
    guard let other = profile["source_profile"] else {
      throw fault(name, "it has a role_arn, and no keys to take it on with", "Add source_profile or credential_source")
    }
    // A profile may name itself: its own keys are meant.
    if other == name {
      if let own = try keys(of: profile, name) { return own }
      throw fault(name, "its source_profile is itself, and it holds no keys", nil)
    }
    guard !seen.contains(other) else { throw fault(name, "its source_profile leads back to it", "Break the circle") }
    guard let next = all[other] else { throw fault(name, "its source_profile \(other) is not there", nil) }
    guard let found = try await credentials(next, other, all, seen: seen + [name]) else {
      throw fault(name, "its source_profile \(other) holds no keys", nil)
    }
    return found
  }

  private func keys(of profile: Profile, _ name: String) throws(StoreFault) -> AWSCredentials? {
    switch (profile["aws_access_key_id"], profile["aws_secret_access_key"]) {
    case (nil, nil): return nil
    case (let id?, let secret?):
      return AWSCredentials(keyID: id, secret: secret, sessionToken: profile["aws_session_token"], expires: nil)
    default: throw fault(name, "aws_access_key_id and aws_secret_access_key go together, and one is missing", nil)
    }
  }

  private func fault(_ name: String, _ why: String, _ remedy: String?) -> StoreFault {
    StoreFault(
      .denied, AWSCredentials.what, at: "profile \(S3Refusal.clean(name, hiding: []))", why: why, remedy: remedy)
  }

  // MARK: Files

  private enum Kind: String {
    case config = "AWS_CONFIG_FILE"
    case credentials = "AWS_SHARED_CREDENTIALS_FILE"
  }

  private func path(of kind: Kind) -> String? {
    if let given = places[kind.rawValue] { return given }
    return places["HOME"].map { "\($0)/.aws/\(kind == .config ? "config" : "credentials")" }
  }

  /// Both files; where both say something, the one of credentials holds. Neither needs to be there.
  private func load() throws(StoreFault) -> [String: Profile] {
    var all: [String: Profile] = [:]
    for kind in [Kind.config, .credentials] {
      guard let path = path(of: kind) else { continue }
      let text: [UInt8]
      do throws(FileFault) {
        text = try places.source.read(.init(path), Limits.keysFileBytes)
      } catch {
        if error.kind == .missing { continue }
        throw StoreFault(
          .denied, AWSCredentials.what, at: path, why: error.why, remedy: "Let the user that navette runs as read it")
      }
      for (section, fields) in Profiles.sections(String(decoding: text, as: UTF8.self)) {
        guard let name = Profiles.name(section, isConfig: kind == .config) else { continue }
        all[name, default: [:]].merge(fields) { $1 }
      }
    }
    return all
  }

  /// `[profile NAME]` in the one file, `[NAME]` in the other; `[default]` in both.
  private static func name(_ section: String, isConfig: Bool) -> String? {
    guard isConfig, section != "default" else { return section }
    guard section.hasPrefix("profile"), section.dropFirst("profile".count).first?.isWhitespace == true else {
      return nil
    }
    return unquoted(trimmed(section.dropFirst("profile".count)))
  }

  /// Lines `key = value` under `[section]`. A line that begins with a blank belongs to the value above, which is not one of ours.
  static func sections(_ text: String) -> [(name: String, fields: [String: String])] {
    var found: [(name: String, fields: [String: String])] = []
    for line in text.split(whereSeparator: \.isNewline) {
      guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
      if first == "[" {
        found.append((trimmed(line.dropFirst().prefix { $0 != "]" }), [:]))
      } else if let mark = line.firstIndex(of: "="), !found.isEmpty {
        let value = Profiles.withoutComment(trimmed(line[line.index(after: mark)...]))
        if !value.isEmpty { found[found.count - 1].fields[trimmed(line[..<mark]).lowercased()] = value }
      }
    }
    return found
  }

  /// A `#` or `;` after a blank begins one.
  private static func withoutComment(_ value: String) -> String {
    for mark in [" #", " ;", "\t#", "\t;"] {
      if let range = value.firstRange(of: mark) { return withoutComment(trimmed(value[..<range.lowerBound])) }
    }
    return value
  }
}
