import Core

/// Every number that bounds the settings, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// What `${file:…}` or `${credential:…}` puts in: a secret or a certificate chain is far smaller.
  static let secretBytes = 64 << 10

  /// One file of settings: more than any real one by a factor of a hundred.
  static let configBytes = 1 << 20

  /// A host's key in base64: that of RSA with 16,384 bits has 2,800.
  static let hostKeyBytes = 8 << 10

  /// Levels of maps and lists in settings; the sample of the manual needs five.
  static let configDepth = 16

  /// Uncompressed bytes of a batch that is encrypted for AEP, which takes files of at most 1 GB (encrypt-data): with room for what encryption adds.
  static let encryptedBytes: UInt64 = 990_000_000

  /// One read of a file of settings, which are small.
  static let configChunk = 16 << 10

  /// No time in the settings is longer: a hundred years, far below what `Duration` holds in nanoseconds.
  static let longestKeep: Duration = .seconds(36_500 * 86_400)

  /// So much of a key that is not known is shown: what is longer was meant to be something else.
  static let shownKeyCharacters = 64

  /// So much of a value is shown with what is wrong with it.
  static let shownValueCharacters = 40

  /// A user's record of the host's databases, which is a line.
  static let accountRecordBytes = 4_096

  /// A group's record, which names its members; of one that is larger the number is shown.
  static let groupRecordBytes = 64 << 10

  /// Groups of one account: more than any has, and no more than the kernel gives a process.
  static let accountGroups = 65_536

  /// A length in characters that can be asked for: no row is larger, whatever `max_row_bytes` says.
  static let longestValue = 268_435_456

  /// Due times of a feed on one day: Adobe Experience Platform exports every three hours at most, and this is every hour.
  static let dueTimes = 24
}
