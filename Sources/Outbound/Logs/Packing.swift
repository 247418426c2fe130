import Core
import Files
import SystemPackage

/// How a log is packed by whoever rotates it.
enum Packing: Hashable, Sendable, CaseIterable {
  case gzip, xz, zstd, bzip2

  /// Of a name.
  var suffix: [UInt8] {
    switch self {
    case .gzip: Array(".gz".utf8)
    case .xz: Array(".xz".utf8)
    case .zstd: Array(".zst".utf8)
    case .bzip2: Array(".bz2".utf8)
    }
  }

  /// Whether a file that is packed so begins with these bytes: no text does.
  func begins(_ bytes: [UInt8]) -> Bool {
    switch self {
    case .gzip: bytes.starts(with: [0x1f, 0x8b])
    case .xz: bytes.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])
    case .zstd: bytes.starts(with: [0x28, 0xb5, 0x2f, 0xfd])
    case .bzip2:
      // The mark, the size of a block, and what begins a block or ends the file.
      bytes.count >= 10 && bytes.starts(with: Array("BZh".utf8)) && (0x31...0x39).contains(bytes[3])
        && (bytes[4..<10].elementsEqual([0x31, 0x41, 0x59, 0x26, 0x53, 0x59])
          || bytes[4..<10].elementsEqual([0x17, 0x72, 0x45, 0x38, 0x50, 0x90]))
    }
  }

  /// The program that unpacks it; nil: this one.
  var program: (name: String, arguments: [String], package: String)? {
    switch self {
    case .gzip: nil
    case .xz: ("xz", ["-dc", "-T1", "-q"], "xz-utils")
    case .zstd: ("zstd", ["-dc", "-q"], "zstd")
    case .bzip2: ("bzip2", ["-dc", "-q"], "bzip2")
    }
  }

  var word: String { program?.name ?? "gzip" }

  /// As the end of the name says.
  init?(_ name: FileName) {
    let found = Self.allCases.first { packing in
      name.bytes.count > packing.suffix.count
        && name.bytes.suffix(packing.suffix.count).elementsEqual(packing.suffix)
    }
    guard let found else { return nil }
    self = found
  }

  /// As the first bytes say.
  init?(_ file: any ReadableFile) throws(FileFault) {
    var bytes = [UInt8](repeating: 0, count: Limits.packingBytes)
    let count = try bytes.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
      try file.read(into: UnsafeMutableRawBufferPointer(all), at: 0)
    }
    bytes.removeLast(bytes.count - count)
    guard let found = Self.allCases.first(where: { $0.begins(bytes) }) else { return nil }
    self = found
  }
}
