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
    let hostKey = section.read("host_key", .hostKey)
    let fileMode = section.read("file_mode", .uploadMode)
    let folderMode = section.read("dir_mode", .folderMode)
    section.requireOne(of: ["private_key", "password"])
    section.requireOne(of: ["known_hosts", "host_key_sha256", "host_key"])
    if section.has("passphrase"), !section.has("private_key") {
      section.spot.walk.report(
        ConfigProblem(
          at: section.place, key: section.spot.child("passphrase").path, "it opens a private_key, and there is none"))
    }
    guard let access = key.map({ Access.privateKey($0, passphrase: passphrase) }) ?? password.map(Access.password),
      let hostKey = knownHosts.map(HostKey.knownHosts) ?? pin.map(HostKey.pinned) ?? hostKey.map(HostKey.key)
    else { return nil }
    self.init(user: user, host: host, port: port, folder: folder, access: access, hostKey: hostKey)
    if let fileMode { self.fileMode = fileMode }
    if let folderMode { self.folderMode = folderMode }
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

/// A key begins with its type (RFC 4253, 6.6): so do its texts.
private let keyHeads = [
  "ssh-ed25519": "AAAAC3NzaC1lZDI1NTE5", "ssh-rsa": "AAAAB3NzaC1yc2E",
  "ecdsa-sha2-nistp256": "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY", "ecdsa-sha2-nistp384": "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQ",
  "ecdsa-sha2-nistp521": "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjE",
]

extension Kind where T == UInt32 {
  // libcurl takes the nine bits of rights and no others.
  fileprivate static var uploadMode: Kind<UInt32> {
    .scalar("an octal file mode such as \"0660\" that lets the owner read and write") { text in
      Quantities.mode(text).flatMap { $0 & 0o600 == 0o600 && $0 <= 0o777 ? $0 : nil }
    }
  }
  fileprivate static var folderMode: Kind<UInt32> {
    .scalar("an octal mode of folders such as \"0750\" that lets the owner use them") { text in
      Quantities.mode(text).flatMap { $0 & 0o700 == 0o700 && $0 <= 0o777 ? $0 : nil }
    }
  }
}

extension Kind where T == String {
  /// What may stand behind the two is left out.
  fileprivate static var hostKey: Kind<String> {
    .scalar("a public key of the host, as ssh-keyscan shows it behind the name: its type and its text in base64") {
      text in
      let words = text.split(separator: " ")
      guard (2...8).contains(words.count), Text.isLine(text) else { return nil }
      let (type, key) = (words[0], words[1])
      guard let head = keyHeads[String(type)], key.hasPrefix(head), key.utf8.count > head.utf8.count,
        key.utf8.count <= Limits.hostKeyBytes, key.utf8.count.isMultiple(of: 4),
        key.utf8.allSatisfy({ Text.isNameByte($0) && !"_-.".utf8.contains($0) || "+/=".utf8.contains($0) })
      else { return nil }
      return "\(type) \(key)"
    }
  }

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
