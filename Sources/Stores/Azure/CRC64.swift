import FoundationEssentials

/// The CRC-64 of Azure (CRC-64/NVME: its check value is AE8B14860A799888), which the service computes of all that it takes.
struct CRC64: Sendable {
  private var state = UInt64.max

  /// As `x-ms-content-crc64` shows it: little-endian, in base64.
  var base64: String { withUnsafeBytes(of: value.littleEndian) { Data($0).base64EncodedString() } }
  var value: UInt64 { ~state }

  /// Eight bytes at a time, by eight tables ("slicing by 8").
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var crc = state
    CRC64.tables.withUnsafeBufferPointer { table in
      var offset = 0
      while offset + 8 <= bytes.count {
        let word = crc ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        crc =
          table[1792 + Int(word & 0xff)] ^ table[1536 + Int(word >> 8 & 0xff)] ^ table[1280 + Int(word >> 16 & 0xff)]
          ^ table[1024 + Int(word >> 24 & 0xff)]
        crc ^=
          table[768 + Int(word >> 32 & 0xff)] ^ table[512 + Int(word >> 40 & 0xff)]
          ^ table[256 + Int(word >> 48 & 0xff)]
          ^ table[Int(word >> 56)]
        offset += 8
      }
      while offset < bytes.count {
        crc = table[Int((crc ^ UInt64(bytes[offset])) & 0xff)] ^ (crc >> 8)
        offset += 1
      }
    }
    state = crc
  }

  private static let tables: [UInt64] = {
    // The polynomial with its bits in reverse, as the bytes come.
    let polynomial: UInt64 = 0x9a6c_9329_ac4b_c9b5
    var tables = [UInt64](repeating: 0, count: 8 * 256)
    for index in 0..<256 {
      var crc = UInt64(index)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ polynomial : crc >> 1 }
      tables[index] = crc
    }
    for index in 256..<tables.count {
      let before = tables[index - 256]
      tables[index] = tables[Int(before & 0xff)] ^ (before >> 8)
    }
    return tables
  }()
}
