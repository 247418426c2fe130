import Core
import Files
import Formats

/// The object of a batch: packed and encrypted as it comes, hashed as it goes to the disk.
struct ObjectWriter: ~Copyable {
  /// Takes the bytes of the object. A class, so that the deflater's callback may write to it.
  private final class Sink {
    let file: any WritableFile
    let encrypter: Encrypter?
    var hasher = ObjectHasher()
    var count: UInt64 = 0
    init(file: any WritableFile, _ encrypter: Encrypter?) { (self.file, self.encrypter) = (file, encrypter) }

    func take(_ piece: UnsafeRawBufferPointer) throws(FileFault) {
      guard let encrypter else { return try keep(piece) }
      try encrypter.write(piece, emit: keep)
    }

    private func keep(_ piece: UnsafeRawBufferPointer) throws(FileFault) {
      hasher.update(piece)
      count += UInt64(piece.count)
      try file.write(piece)
    }

    func finish() throws(FileFault) { try encrypter?.finish(emit: keep) }
  }

  private let sink: Sink
  private let isPacked: Bool
  private var deflater: Deflater

  /// - Parameters:
  ///   - level: zlib's 1 to 9.
  ///   - encrypter: nil: the object is not encrypted.
  ///   - isPacked: what is in the object, encrypted or not, is gzip.
  init(file: any WritableFile, level: Int, encrypter: Encrypter? = nil, isPacked: Bool = true) {
    sink = Sink(file: file, encrypter)
    self.isPacked = isPacked
    deflater = Deflater(level: level)
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    if isPacked {
      try deflater.write(bytes, emit: sink.take)
    } else {
      try sink.take(bytes)
    }
  }

  mutating func write(_ bytes: [UInt8]) throws(FileFault) {
    try bytes.withUnsafeBufferPointer { (raw) throws(FileFault) in try write(UnsafeRawBufferPointer(raw)) }
  }

  /// Ends the gzip member, and what it is encrypted in. - Returns: size and digests of the object.
  mutating func finish() throws(FileFault) -> (bytes: UInt64, sha256: Digest, md5: String) {
    if isPacked { try deflater.finish(emit: sink.take) }
    try sink.finish()
    let digests = sink.hasher.finish()
    return (sink.count, digests.sha256, digests.md5)
  }
}
