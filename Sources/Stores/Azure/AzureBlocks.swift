import Core
import Files
import FoundationEssentials
import Store

/// How a large file is cut, and what each piece is to be when it arrives.
struct AzureBlocks: Sendable {
  struct Rule: Sendable {
    /// Up to here a file goes in one piece.
    var above = Limits.azureBlocksAbove
    var size = Limits.azureBlockBytes
    /// The service's bounds (learn.microsoft.com/rest/api/storageservices/put-block-list).
    static let most: UInt64 = 50_000
    static let largest: UInt64 = 4_000 << 20
  }

  struct Block: Hashable, Sendable {
    /// Of the same length for all; it names the content, so that blocks of other bytes never get mixed in.
    var id: String
    var from: UInt64
    var size: UInt64
    /// Checked by the service when the block arrives.
    var crc64: String
  }

  var blocks: [Block] = []
  /// Of the file as it was read for this.
  var size: UInt64
  var sha256: Digest

  /// Blocks. Reads the file once.
  init(_ file: StoredFile, _ rule: Rule, _ files: any Files) throws(FileFault) {
    let length = max(rule.size, (file.size +| (Rule.most - 1)) / Rule.most)
    var blocks: [Block] = []
    var crc = CRC64()
    var filled: UInt64 = 0
    var from: UInt64 = 0
    func end() {
      let id = "\(file.sha256.description.prefix(16))-\(AzureBlocks.padded(blocks.count))"
      blocks.append(
        Block(id: Data(id.utf8).base64EncodedString(), from: from, size: filled, crc64: crc.base64))
      from += filled
      filled = 0
      crc = CRC64()
    }
    (size, sha256) = try files.digest(of: file.path) { (chunk) throws(FileFault) in
      var rest = chunk
      while !rest.isEmpty {
        let count = Int(min(UInt64(rest.count), length - filled))
        crc.update(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
        filled += UInt64(count)
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        if filled == length { end() }
      }
    }
    if filled > 0 { end() }
    self.blocks = blocks
  }

  private static func padded(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 6 - text.count)) + text
  }

  /// The body of Put Block List.
  var list: [UInt8] {
    let ids = blocks.map { "<Uncommitted>\($0.id)</Uncommitted>" }.joined()
    return Array("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>\(ids)</BlockList>".utf8)
  }
}
