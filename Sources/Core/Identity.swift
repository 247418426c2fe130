/// A configured name: a stream, a feed or a store. It becomes a folder and a part of object keys, so its alphabet is
/// theirs: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
public struct Name<Of>: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let text: String

  public init?(_ text: String) {
    let utf8 = text.utf8
    guard (1...64).contains(utf8.count), let first = utf8.first, isLetterOrDigit(first),
      utf8.allSatisfy({
        isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
      })
    else { return nil }
    self.text = text
  }

  public var description: String { text }
  public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

extension Name: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let name = Name(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a name")
    }
    self = name
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

public enum OfStream: Sendable {}
public enum OfFeed: Sendable {}
public enum OfStore: Sendable {}
public typealias StreamName = Name<OfStream>
public typealias FeedName = Name<OfFeed>
public typealias StoreName = Name<OfStore>

/// `opens-000042`: the stream and its durable sequence number, which never repeats.
public struct BatchID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let stream: StreamName
  public let sequence: Int

  public static let lastSequence = Limits.lastSequence

  public init(stream: StreamName, sequence: Int) {
    precondition((1...Self.lastSequence).contains(sequence), "batches are numbered from 1")
    self.stream = stream
    self.sequence = sequence
  }

  public init?(_ text: some StringProtocol) {
    guard let dash = text.lastIndex(of: "-"), let stream = StreamName(String(text[..<dash])) else { return nil }
    let digits = text[text.index(after: dash)...]
    guard digits.utf8.count >= 6, digits.utf8.allSatisfy({ (48...57).contains($0) }), let sequence = Int(digits),
      (1...Self.lastSequence).contains(sequence)
    else { return nil }
    self.init(stream: stream, sequence: sequence)
    guard description == text else { return nil }
  }

  public var sequenceText: String { padded(sequence, 6) }
  public var description: String { "\(stream)-\(sequenceText)" }
  public static func < (a: Self, b: Self) -> Bool { (a.stream, a.sequence) < (b.stream, b.sequence) }
}

/// `20260304T101500Z-9f2c41`: when the drop was seen, and six hex digits that tell apart what was seen in one second.
public struct DropID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let description: String

  public init(seen: Timestamp, salt: UInt32) {
    let hex = String(salt & 0xff_ffff, radix: 16)
    description = "\(seen.compact)-\(String(repeating: "0", count: 6 - hex.count))\(hex)"
  }

  public init?(_ text: some StringProtocol) {
    let utf8 = Array(text.utf8)
    guard utf8.count == 23, utf8[16] == UInt8(ascii: "-"), Timestamp(text: text.prefix(16)) != nil,
      utf8[17...].allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
    else { return nil }
    description = String(text)
  }

  public static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}

/// One log file, whatever it is called now. Made from what the file was when it was first seen; see `SourceIdentity`.
public struct SourceID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let description: String
  public init?(_ text: some StringProtocol) {
    guard text.utf8.count == 17, text.first == "s", Hex.decode(text.dropFirst()) != nil else { return nil }
    description = String(text)
  }
  public init(_ digest: Digest) { description = "s" + Hex.encode(digest.bytes.prefix(8)) }
  public static func < (a: Self, b: Self) -> Bool { a.description < b.description }
}

/// What coding needs of an identifier that is a text.
public protocol TextIdentifier: Codable, CustomStringConvertible {
  init?(_ text: String)
}

extension TextIdentifier {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an identifier of this kind")
    }
    self = value
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension BatchID: TextIdentifier { public init?(_ text: String) { self.init(text[...]) } }
extension DropID: TextIdentifier { public init?(_ text: String) { self.init(text[...]) } }
extension SourceID: TextIdentifier { public init?(_ text: String) { self.init(text[...]) } }

func isLetterOrDigit(_ byte: UInt8) -> Bool {
  (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
}
