import Core
import Files
import Formats

/// The object of a batch: compressed as it comes, hashed as it goes to the disk.
struct ObjectWriter: ~Copyable {
  /// Takes the compressed bytes. A class, so that the deflater's callback may write to it.
  private final class Sink {
    let file: any WritableFile
    var hasher = ObjectHasher()
    var count: UInt64 = 0
    init(file: any WritableFile) { self.file = file }

    func take(_ piece: UnsafeRawBufferPointer) throws(FileFault) {
      hasher.update(piece)
      count += UInt64(piece.count)
      try file.write(piece)
    }
  }

  private let sink: Sink
  private var deflater: Deflater

  /// - Parameter level: zlib's 1 to 9.
  init(file: any WritableFile, level: Int) {
    sink = Sink(file: file)
    deflater = Deflater(level: level)
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    try deflater.write(bytes, emit: sink.take)
  }

  mutating func write(_ bytes: [UInt8]) throws(FileFault) {
    try bytes.withUnsafeBufferPointer { (raw) throws(FileFault) in try write(UnsafeRawBufferPointer(raw)) }
  }

  /// Ends the gzip member. - Returns: size and digests of the compressed bytes.
  mutating func finish() throws(FileFault) -> (bytes: UInt64, sha256: Digest, md5: String) {
    try deflater.finish(emit: sink.take)
    let digests = sink.hasher.finish()
    return (sink.count, digests.sha256, digests.md5)
  }
}
