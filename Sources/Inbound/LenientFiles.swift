import Core
import Files
import SystemPackage

extension Files {
  func removeIfThere(_ path: FilePath) throws(FileFault) {
    do { try remove(path) } catch { if error.kind != .missing { throw error } }
  }

  /// Nil: it is gone.
  func writersIfThere(of path: FilePath) throws(FileFault) -> Writers? {
    do {
      return try writers(of: path)
    } catch {
      if error.kind == .missing { return nil }
      if error.kind == .denied { return .unknown }
      throw error
    }
  }
}

extension ReadableFile {
  /// Fewer bytes than there is room for only at the file's end.
  func fill(_ buffer: inout [UInt8], at offset: UInt64) throws(FileFault) -> Int {
    try buffer.withUnsafeMutableBufferPointer { (room) throws(FileFault) in
      var filled = 0
      while filled < room.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(room)[filled...])
        let count = try read(into: rest, at: offset + UInt64(filled))
        if count == 0 { break }
        filled += count
      }
      return filled
    }
  }
}
