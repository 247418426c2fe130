import Core
import Files
import SystemPackage

/// `pinned/`: what must not be lost when others rotate, truncate or delete, or when we do. Named `SOURCE.HEADER.FROM`: a copy of
/// the header of the log (so many bytes) and of everything from an offset on. Never a second name of the log: see decision 0015.
struct Pin: Hashable {
  static let folderName: FileName = "pinned"

  let source: SourceID
  let header: UInt64
  let from: UInt64
  let path: FilePath

  var form: LogForm { .carried(header: header, from: from) }

  init(_ source: SourceID, header: UInt64, from: UInt64, in folder: FilePath) {
    (self.source, self.header, self.from) = (source, header, from)
    path = folder.appending(FileName("\(source).\(header).\(from)"))
  }

  init?(_ name: FileName, in folder: FilePath) {
    let parts = name.description.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let source = SourceID(parts[0]), let header = UInt64(parts[1]), let from = UInt64(parts[2]),
      header <= from, from <= UInt64(Int64.max)
    else { return nil }
    self.init(source, header: header, from: from, in: folder)
  }

  /// While a copy is written. Whole, it is renamed.
  var temporary: FilePath { path.appendingToName(Self.temporarySuffix) }
  private static let temporarySuffix = ".tmp"

  /// Copies that an earlier life did not finish; their logs are still what they were.
  static func clearUnfinished(in folder: FilePath, _ files: any Files) throws(FileFault) {
    guard try files.info(folder) != nil else { return }
    for name in try files.list(folder) where name.description.hasSuffix(temporarySuffix) {
      try files.removeTree(folder.appending(name))
    }
  }

  /// All that lie there.
  static func all(in folder: FilePath, _ files: any Files) throws(FileFault) -> [Pin] {
    do {
      return try files.list(folder).compactMap { Pin($0, in: folder) }
    } catch {
      if error.kind == .missing { return [] }
      throw error
    }
  }
}

/// The folder of them, durably: a copy is under its name only when it is whole.
struct PinFolder {
  let path: FilePath
  let files: any Files

  /// - Returns: the copy, for what comes after.
  @discardableResult
  func carry(
    _ file: any ReadableFile, header: UInt64, from: UInt64, to: UInt64, as pin: Pin
  ) throws -> any WritableFile {
    try files.ensureDirectory(path)
    let temporary = pin.temporary
    try files.removeTree(temporary)
    let copy = try files.create(temporary, mode: .stateFile)
    try append(file, 0..<header, to: copy)
    try append(file, from..<to, to: copy)
    try files.sync([temporary])
    try files.replace(pin.path, with: temporary)
    try files.sync([path])
    return copy
  }

  func append(_ file: any ReadableFile, _ bytes: Range<UInt64>, to copy: any WritableFile) throws {
    var offset = bytes.lowerBound
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 16)
    defer { buffer.deallocate() }
    while offset < bytes.upperBound {
      let wanted = Int(min(UInt64(buffer.count), bytes.upperBound - offset))
      let got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
      guard got > 0 else { throw SourceMoved() }
      try copy.write(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
      offset += UInt64(got)
    }
  }

  func remove(_ pins: [FilePath]) throws(FileFault) {
    guard !pins.isEmpty else { return }
    for pin in pins { try files.removeTree(pin) }
    try files.sync([path])
  }
}
