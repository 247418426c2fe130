import Core
import Files
import Formats
import SystemPackage

/// The file at the path is not the log that was found there: rotated, emptied or replaced in the meantime. The next look finds out.
struct SourceMoved: Error {}

/// How the bytes of a log lie in its file.
enum LogForm: Hashable, Sendable {
  case plain
  /// A part of the log that was carried over: its header, then everything from an offset on.
  case carried(header: UInt64, from: UInt64)
  case gzip

  func view(_ file: any ReadableFile) -> any ReadableFile {
    switch self {
    case .plain: file
    case .carried(let header, let from): CarriedFile(file, header: header, from: from)
    case .gzip: UnpackedFile(file)
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

/// A gzip file as what it holds. Forward it is read once; a step back begins again.
final class UnpackedFile: ReadableFile {
  private let file: any ReadableFile
  private var inflater = Inflater()
  /// How much of the file has been fed to it.
  private var fed: UInt64 = 0
  private var window: [UInt8] = []
  /// Where in the content the window begins.
  private var start: UInt64 = 0

  init(_ file: any ReadableFile) { self.file = file }

  func info() throws(FileFault) -> FileInfo { try file.info() }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) -> Int {
    if offset < start { restart() }
    while offset >= start + UInt64(window.count) {
      guard try feed() else { return 0 }
    }
    let part = window[Int(offset - start)...].prefix(buffer.count)
    buffer.copyBytes(from: part)
    return part.count
  }

  /// Of the content; nil where the file is damaged, or not complete yet.
  static func contentSize(of file: any ReadableFile) throws(FileFault) -> UInt64? {
    let unpacked = UnpackedFile(file)
    do throws(FileFault) {
      while try unpacked.feed() {}
    } catch {
      if error.kind == .damaged { return nil }
      throw error
    }
    do throws(GzipFault) { try unpacked.inflater.finish() } catch { return nil }
    return unpacked.start + UInt64(unpacked.window.count)
  }

  static func isGzip(_ file: any ReadableFile) throws(FileFault) -> Bool {
    var magic: [UInt8] = [0, 0]
    let count = try magic.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
      try file.read(into: UnsafeMutableRawBufferPointer(all), at: 0)
    }
    return count == 2 && magic == [0x1f, 0x8b]
  }

  private func restart() {
    inflater = Inflater()
    (fed, start) = (0, 0)
    window.removeAll(keepingCapacity: true)
  }

  /// The window moves on by what the next bytes of the file hold. False at its end.
  private func feed() throws(FileFault) -> Bool {
    var input = [UInt8](repeating: 0, count: Limits.packedRead)
    let count = try input.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
      try file.read(into: UnsafeMutableRawBufferPointer(all), at: fed)
    }
    guard count > 0 else { return false }
    fed += UInt64(count)
    start += UInt64(window.count)
    window.removeAll(keepingCapacity: true)
    do throws(GzipFault) {
      try input.withUnsafeBufferPointer { (all) throws(GzipFault) in
        try inflater.write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(all)[..<count])) { piece in
          window.append(contentsOf: piece)
          return true
        }
      }
    } catch {
      throw FileFault(.damaged, "Cannot unpack", at: "a rotated log", why: "its gzip data is \(error)")
    }
    return true
  }
}
