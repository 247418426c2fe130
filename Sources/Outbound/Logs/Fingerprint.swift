import Core
import Files
import Formats
import Ledger

/// The bytes by which a log is known: its first ones, and those before the cursor.
enum Fingerprint {
  /// Nil where the file holds fewer bytes.
  static func digest(of file: any ReadableFile, from start: UInt64, bytes: Int) throws(FileFault) -> Digest? {
    var buffer = [UInt8](repeating: 0, count: bytes)
    var filled = 0
    while filled < bytes {
      let count = try buffer.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
        try file.read(
          into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(all)[filled...]),
          at: start + UInt64(filled))
      }
      guard count > 0 else { return nil }
      filled += count
    }
    return DigestHasher.digest(of: buffer)
  }

  static func head(of file: any ReadableFile, bytes: Int) throws(FileFault) -> Digest? {
    try digest(of: file, from: 0, bytes: bytes)
  }

  /// Of what lies before the cursor: two logs that begin alike for longer than a head still differ here.
  static func tail(of file: any ReadableFile, before cursor: UInt64) throws(FileFault) -> Digest? {
    let bytes = min(cursor, UInt64(Limits.headBytes))
    return try digest(of: file, from: cursor - bytes, bytes: Int(bytes))
  }

  /// Whether the file still holds what was read of the source: the same head, and the same bytes before the cursor.
  static func fits(_ file: any ReadableFile, _ record: SourceRecord) throws(FileFault) -> Bool {
    guard try head(of: file, bytes: record.identity.headBytes) == record.identity.head else { return false }
    guard let tail = record.tail, record.cursor > 0 else { return true }
    return try self.tail(of: file, before: record.cursor) == tail
  }
}
