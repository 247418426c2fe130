import Core
import Files
import Formats
import SystemPackage

/// A log as the text that it holds, whatever lies around it. Forward it is read once; a step back begins again.
final class UnpackedFile: ReadableFile {
  private let file: any ReadableFile
  private let wrapping: Wrapping
  private let path: FilePath
  private var unpacker: any Unpacker
  private var window: [UInt8] = []
  /// Where in the content the window begins.
  private var start: UInt64 = 0

  init(_ file: any ReadableFile, _ wrapping: Wrapping, at path: FilePath) {
    (self.file, self.wrapping, self.path) = (file, wrapping, path)
    unpacker = wrapping.unpacker(file, path)
  }

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

  /// Of the content.
  /// - Throws: `.damaged` where the file is, or is not complete yet.
  static func contentSize(of file: any ReadableFile, _ wrapping: Wrapping, at path: FilePath)
    throws(FileFault) -> UInt64
  {
    let unpacked = UnpackedFile(file, wrapping, at: path)
    while try unpacked.feed() {}
    return unpacked.start + UInt64(unpacked.window.count)
  }

  private func restart() {
    unpacker = wrapping.unpacker(file, path)
    start = 0
    window.removeAll(keepingCapacity: true)
  }

  /// The window moves on by what the next bytes of the file hold. False at its end.
  private func feed() throws(FileFault) -> Bool {
    start += UInt64(window.count)
    window.removeAll(keepingCapacity: true)
    return try unpacker.next(into: &window)
  }
}

protocol Unpacker: AnyObject {
  /// What comes next, perhaps nothing yet. False at the end of a file that is whole.
  /// - Throws: `.damaged` where it is not.
  func next(into window: inout [UInt8]) throws(FileFault) -> Bool
}

final class GzipUnpacker: Unpacker {
  private let file: any ReadableFile
  private let path: FilePath
  private var inflater = Inflater()
  /// How much of the file has been fed to it.
  private var fed: UInt64 = 0

  init(_ file: any ReadableFile, _ path: FilePath) { (self.file, self.path) = (file, path) }

  func next(into window: inout [UInt8]) throws(FileFault) -> Bool {
    var input = [UInt8](repeating: 0, count: Limits.packedRead)
    let count = try input.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
      try file.read(into: UnsafeMutableRawBufferPointer(all), at: fed)
    }
    fed += UInt64(count)
    do throws(GzipFault) {
      guard count > 0 else {
        try inflater.finish()
        return false
      }
      try input.withUnsafeBufferPointer { (all) throws(GzipFault) in
        try inflater.write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(all)[..<count])) { piece in
          window.append(contentsOf: piece)
          return true
        }
      }
    } catch {
      throw FileFault(.damaged, "Cannot unpack", at: path, why: "its gzip data is \(error)")
    }
    return true
  }
}
