import Core
import Files
import SystemPackage

/// The file at the path is not the log that was found there: rotated, emptied or replaced in the meantime. The next look finds out.
struct SourceMoved: Error {}

/// How the bytes of a log lie in its file.
enum LogForm: Hashable, Sendable {
  case plain
  /// A part of the log that was carried over: its header, then everything from an offset on.
  case carried(header: UInt64, from: UInt64)
  /// Packed, or in another encoding: read from its start.
  case packed(Wrapping)

  var isPacked: Bool { if case .packed = self { true } else { false } }

  /// - Parameter path: where the file lies, for what is wrong with it.
  func view(_ file: any ReadableFile, at path: FilePath) -> any ReadableFile {
    switch self {
    case .plain: file
    case .carried(let header, let from): CarriedFile(file, header: header, from: from)
    case .packed(let wrapping): UnpackedFile(file, wrapping, at: path)
    }
  }

  /// Of the log, from the size of its file. Of a compressed one that says nothing.
  func size(of bytes: UInt64) -> UInt64 {
    guard case .carried(let header, let from) = self else { return bytes }
    return bytes < header ? bytes : (bytes -| header) +| from
  }
}

/// Offsets are those of the log that the bytes come from.
private final class CarriedFile: ReadableFile {
  private let file: any ReadableFile
  private let header: UInt64
  private let from: UInt64

  init(_ file: any ReadableFile, header: UInt64, from: UInt64) {
    (self.file, self.header, self.from) = (file, header, from)
  }

  func info() throws(FileFault) -> FileInfo {
    var info = try file.info()
    info.size = LogForm.carried(header: header, from: from).size(of: info.size)
    return info
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) -> Int {
    if offset < header {
      let most = Int(min(UInt64(buffer.count), header - offset))
      return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<most]), at: offset)
    }
    // What lay between was not carried over.
    guard offset >= from else { return 0 }
    return try file.read(into: buffer, at: (offset -| from) +| header)
  }
}
