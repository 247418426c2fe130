public import Core

/// Text in another encoding as UTF-8, in pieces of any size.
public struct TextDecoder {
  public enum Encoding: Hashable, Sendable { case utf16, latin1 }

  private var transcoder: Transcoder

  public init(_ encoding: Encoding) { transcoder = Transcoder(encoding == .utf16 ? .utf16 : .latin1) }

  /// Why the text cannot be read; then nothing more is.
  public var fault: Reason? { transcoder.fault }

  /// Appends what the bytes mean.
  public mutating func feed(_ bytes: [UInt8], into out: inout [UInt8]) {
    bytes.withUnsafeBufferPointer { transcoder.feed($0, into: &out) }
  }

  public mutating func finish(into out: inout [UInt8]) { transcoder.finish(into: &out) }
}
