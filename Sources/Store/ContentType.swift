/// The media type of an object. What is packed is told as that: gzip is its content, never a `Content-Encoding`, for clients unpack that without
/// a word, and what they get then is not what was sealed.
public enum ContentType {
  public static let unknown = "application/octet-stream"

  /// - Parameter beginning: its first bytes, which know better than a name.
  public static func of(_ key: String, beginning: some Collection<UInt8>) -> String {
    if beginning.starts(with: [0x1f, 0x8b]) { return "application/gzip" }
    let suffixes = [
      ".json": "application/json", ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".txt": "text/plain",
      ".gpg": "application/pgp-encrypted", ".pgp": "application/pgp-encrypted",
    ]
    return suffixes.first { key.hasSuffix($0.key) }?.value ?? unknown
  }
}
