import Config
import Core
import Files
import Formats
import SystemPackage

/// What lies around the text of a log: how it is packed, and how its characters are written.
struct Wrapping: Hashable, Sendable {
  /// Nil: it is not.
  let packing: Packing?
  var encoding = FeedSettings.Encoding.utf8

  init(_ packing: Packing?, _ encoding: FeedSettings.Encoding = .utf8) {
    (self.packing, self.encoding) = (packing, encoding)
  }

  /// As the rules ask for; nil: text as it is sent.
  init?(if packing: Packing?, _ encoding: FeedSettings.Encoding) {
    guard packing != nil || encoding != .utf8 else { return nil }
    self.init(packing, encoding)
  }

  /// From the first byte on.
  func unpacker(_ file: any ReadableFile, _ path: FilePath) -> any Unpacker {
    let inner: any Unpacker =
      switch packing {
      case nil: PlainReader(file)
      case .some(let packing): packing.program == nil ? GzipUnpacker(file, path) : ProgramUnpacker(file, packing, path)
      }
    return switch encoding {
    case .utf8: inner
    case .utf16: DecodingReader(inner, .utf16, path)
    case .latin1: DecodingReader(inner, .latin1, path)
    }
  }
}

/// The bytes of a file as they are.
private final class PlainReader: Unpacker {
  private let file: any ReadableFile
  private var offset: UInt64 = 0

  init(_ file: any ReadableFile) { self.file = file }

  func next(into window: inout [UInt8]) throws(FileFault) -> Bool {
    var input = [UInt8](repeating: 0, count: Limits.packedRead)
    let count = try input.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
      try file.read(into: UnsafeMutableRawBufferPointer(all), at: offset)
    }
    offset += UInt64(count)
    window.append(contentsOf: input[..<count])
    return count > 0
  }
}

/// Text in another encoding, as UTF-8.
private final class DecodingReader: Unpacker {
  private let inner: any Unpacker
  private let path: FilePath
  private var decoder: TextDecoder
  private var raw: [UInt8] = []
  private var isOver = false

  init(_ inner: any Unpacker, _ encoding: TextDecoder.Encoding, _ path: FilePath) {
    (self.inner, self.path, decoder) = (inner, path, TextDecoder(encoding))
  }

  func next(into window: inout [UInt8]) throws(FileFault) -> Bool {
    guard !isOver else { return false }
    raw.removeAll(keepingCapacity: true)
    if try inner.next(into: &raw) {
      decoder.feed(raw, into: &window)
    } else {
      isOver = true
      decoder.finish(into: &window)
    }
    if let fault = decoder.fault {
      throw FileFault(
        .damaged, "Cannot read", at: path, why: "its text is not what encoding says: \(fault.message)",
        remedy: "Correct encoding, or have the log written as it says")
    }
    return !isOver || !window.isEmpty
  }
}
