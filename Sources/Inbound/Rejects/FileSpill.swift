import Core
import Files
import Formats
import SystemPackage

/// A file of the state folder in which rows lie while they are sorted: digests and numbers, no values. It is made where it is needed, and
/// nobody's once the check is over.
final class FileSpill: RowSpill {
  private let path: FilePath
  private let files: any Files
  private let requireRoom: (UInt64) throws(FileFault) -> Void
  private var target: (any WritableFile)?
  private var source: (any ReadableFile)?

  init(_ path: FilePath, _ files: any Files, requireRoom: @escaping (UInt64) throws(FileFault) -> Void) {
    (self.path, self.files, self.requireRoom) = (path, files, requireRoom)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    try requireRoom(UInt64(bytes.count))
    if let target { return try target.write(bytes) }
    try files.ensureDirectory(path.parent)
    try files.removeIfThere(path)
    let file = try files.create(path, mode: .stateFile)
    target = file
    try file.write(bytes)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileFault) {
    let file: any ReadableFile
    if let source { file = source } else { file = try files.open(path) }
    source = file
    var filled = 0
    while filled < buffer.count {
      let count = try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]), at: offset +| UInt64(filled))
      guard count > 0 else { throw FileFault(.io, "Cannot read", at: path, why: "it is shorter than what was written") }
      filled += count
    }
  }
}
