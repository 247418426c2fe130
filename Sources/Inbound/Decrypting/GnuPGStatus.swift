import Core

/// What gpg says of a message on its status descriptor (GnuPG's `doc/DETAILS`), and what that means for a drop. gpg's exit status
/// alone is not enough: of a message that ends within its first packets it says nothing and ends with 0.
struct GnuPGStatus {
  private var rest: [UInt8] = []
  /// Key ids that the message is encrypted for; all zeros where the sender hides them.
  private(set) var recipients: [String] = []
  /// Secret keys that an import has read.
  private(set) var secretKeys = 0
  private var hasBegun = false
  private var isOpen = false
  private var isOkay = false
  private var hasFailed = false
  private var isAltered = false
  private var isUnprotected = false
  private var isWrongPassphrase = false
  private var hasText = false
  private var needsPassphrase = false
  private var lacksPassphrase = false

  mutating func feed(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        read(String(decoding: rest, as: UTF8.self))
        rest.removeAll(keepingCapacity: true)
      } else if rest.count < Limits.gpgLineBytes {
        rest.append(byte)
      }
    }
  }

  mutating func read(_ line: String) {
    let words = line.split(separator: " ")
    guard words.count > 1, words[0] == "[GNUPG:]" else { return }
    switch words[1] {
    case "ENC_TO": if words.count > 2, recipients.count < Limits.gpgRecipients { recipients.append(String(words[2])) }
    case "IMPORT_RES": if words.count > 11 { secretKeys = Int(words[11]) ?? 0 }
    case "NEED_PASSPHRASE_SYM": needsPassphrase = true
    case "MISSING_PASSPHRASE": lacksPassphrase = true
    case "BEGIN_DECRYPTION": hasBegun = true
    case "DECRYPTION_KEY", "SESSION_KEY": isOpen = true
    case "DECRYPTION_INFO":
      isOpen = true
      // Neither a modification code nor an authenticated mode.
      if words.count > 2, words[2] == "0", words.count < 5 || words[4] == "0" { isUnprotected = true }
    case "PLAINTEXT": hasText = true
    case "DECRYPTION_OKAY": isOkay = true
    case "DECRYPTION_FAILED": hasFailed = true
    case "BADMDC": isAltered = true
    case "ERROR" where words.count > 2 && words[2].hasPrefix("symkey_decrypt"): isWrongPassphrase = true
    default: break
    }
  }

  /// - Parameters:
  ///   - exit: of gpg; nil: a signal ended it.
  ///   - keys: ids of the secret keys in the ring.
  ///   - hasPassphrase: the feed has one.
  ///   - shape: what the message's own packets tell.
  func verdict(
    exit: Int32?, keys: Set<String>, hasPassphrase: Bool = true, _ shape: MessageShape = MessageShape()
  ) -> Decryption {
    func refused(_ code: Reason.Code, _ message: String) -> Decryption { .refused(Reason(code, message)) }
    if shape.hasSecond {
      return refused(.pgpSeveral, "There are two PGP messages or more in it; send each as a file of its own")
    }
    if exit == 0, isOkay, !hasFailed, !isAltered { return .whole }
    if isWrongPassphrase || needsPassphrase && lacksPassphrase && !isOpen && recipients.isEmpty {
      return refused(
        .pgpPassphrase,
        hasPassphrase
          ? "It is encrypted with a passphrase, and not with the feed's"
          : "It is encrypted with a passphrase, and the feed has none: set decrypt.passphrase")
    }
    // GnuPG calls an authenticated mode okay whose check has failed, and its exit status alone tells; or it tells of no protection.
    if shape.isAuthenticated, isOpen {
      return refused(.pgpDamaged, "The PGP data was altered or cut off: its integrity check fails")
    }
    if isUnprotected, !isOkay {
      return refused(
        .pgpUnprotected,
        "The PGP data has no integrity protection: what was altered could not be told from what is whole")
    }
    if hasText, !hasBegun { return refused(.pgpUnprotected, "The PGP data is signed or packed, but not encrypted") }
    if isAltered { return refused(.pgpDamaged, "The PGP data was altered or cut off: its integrity check fails") }
    if isOkay, !hasFailed { return refused(.pgpDamaged, "Something that does not belong to it follows the PGP data") }
    if isOpen { return refused(.pgpDamaged, "The PGP data is cut off or damaged") }
    if recipients.isEmpty { return refused(.pgpDamaged, "The PGP data cannot be read: it is cut off, or no message") }
    if recipients.contains(where: keys.contains) {
      return refused(
        .pgpPassphrase,
        hasPassphrase
          ? "The passphrase does not open the feed's key"
          : "The feed's key has a passphrase, and the feed has none: set decrypt.passphrase")
    }
    if recipients.contains(where: { $0.allSatisfy { $0 == "0" } }) {
      return refused(.pgpNoKey, "It hides whom it is encrypted for, and the feed's key and passphrase do not open it")
    }
    let shown = recipients.prefix(3).joined(separator: ", ") + (recipients.count > 3 ? ", …" : "")
    return refused(.pgpNoKey, "The feed's key does not fit: it is encrypted for \(shown)")
  }
}
