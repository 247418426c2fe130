import Core
import SystemPackage

extension SFTPSettings {
  /// Nil where something was reported.
  init?(_ section: Section, user: String, host: String, port: UInt16, folder: FilePath) {
    let key = section.read("private_key", .secret)
    let passphrase = section.read("passphrase", .secret)
    let password = section.read("password", .secret)
    let knownHosts = section.read("known_hosts", .path("a file with host keys"))
    let pin = section.read("host_key_sha256", .fingerprint)
    section.requireOne(of: ["private_key", "password"])
    section.requireOne(of: ["known_hosts", "host_key_sha256"])
    if section.has("passphrase"), !section.has("private_key") {
      section.spot.walk.report(
        ConfigProblem(
          at: section.place, key: section.spot.child("passphrase").path, "it opens a private_key, and there is none"))
    }
    guard let access = key.map({ Access.privateKey($0, passphrase: passphrase) }) ?? password.map(Access.password),
      let hostKey = knownHosts.map(HostKey.knownHosts) ?? pin.map(HostKey.pinned)
    else { return nil }
    self.init(user: user, host: host, port: port, folder: folder, access: access, hostKey: hostKey)
  }
}

extension Section {
  /// Reports where none of the keys is there, or several are.
  func requireOne(of keys: [String]) {
    let given = keys.filter(has)
    guard given.count != 1, !isBroken else { return }
    let found = given.isEmpty ? "none" : KeyText.choice(given, "and")
    spot.walk.report(
      ConfigProblem(at: place, key: spot.path, "expected exactly one of \(KeyText.choice(keys)), found \(found)"))
  }
}

extension Kind where T == String {
  /// With or without `SHA256:` before it and `=` after it.
  fileprivate static var fingerprint: Kind<String> {
    .scalar("the SHA-256 of the host's key, as ssh-keygen -l shows it: SHA256: and 43 characters") { text in
      var text = text[...]
      if text.hasPrefix("SHA256:") { text = text.dropFirst(7) }
      if text.hasSuffix("=") { text.removeLast() }
      let isBase64 = text.utf8.allSatisfy { Text.isNameByte($0) && !"_-.".utf8.contains($0) || "+/".utf8.contains($0) }
      return text.utf8.count == 43 && isBase64 ? String(text) : nil
    }
  }
}
