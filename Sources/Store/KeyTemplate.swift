public import Core

/// How a batch's key is made: `{stream}/dt={date}/{host}_{stream}_{utc}_{seq}.csv.gz`.
///
/// A template that was accepted makes a valid key of any values: it was tried with the longest ones, and longer or
/// stranger ones are cut to fit.
public struct KeyTemplate: Sendable {
  public enum Placeholder: String, CaseIterable, Hashable, Sendable {
    /// The stream's name; the date of the batch; the host; the time of sealing; the batch's number; the header's mark.
    case stream, date, host, utc, seq, schema
  }

  /// What fills the placeholders.
  public struct Values: Sendable {
    public var batch: BatchID
    public var host: String
    /// For `{date}`.
    public var date: Timestamp
    /// For `{utc}`.
    public var sealedAt: Timestamp
    public var schema: String

    public init(batch: BatchID, host: String, date: Timestamp, sealedAt: Timestamp, schema: String) {
      self.batch = batch
      self.host = host
      self.date = date
      self.sealedAt = sealedAt
      self.schema = schema
    }
  }

  /// Bytes that a host or a schema may take.
  public static let valueBytes = Limits.keyValueBytes
  private let template: Template<Placeholder>

  public init(_ text: String) throws(TemplateComplaint) {
    template = try Template(text)
    guard template.holds(.seq) else {
      throw TemplateComplaint("no {seq}: two batches of one second would have the same key")
    }
    let longest = String(repeating: "x", count: Self.valueBytes)
    let sample = template.filled { placeholder in
      switch placeholder {
      case .stream, .host, .schema: longest
      case .date: "2026-03-12"
      case .utc: "20260312T060000Z"
      case .seq: String(Int.max)
      }
    }
    if let complaint = StoreKey.complaint(about: sample) { throw TemplateComplaint(complaint) }
  }

  public func render(_ values: Values) -> StoreKey {
    let text = template.filled { placeholder in
      switch placeholder {
      case .stream: values.batch.stream.text
      case .date: values.date.date
      case .host: Self.safe(values.host)
      case .utc: values.sealedAt.compact
      case .seq: values.batch.sequenceText
      case .schema: Self.safe(values.schema)
      }
    }
    guard let key = StoreKey(text) else { preconditionFailure("an accepted template makes valid keys") }
    return key
  }

  /// The number in a key that the template made for the stream on the host; nil for any other key.
  public func sequence(in key: String, stream: StreamName, host: String) -> Int? {
    var rest = Substring(key)
    var number: Int?
    func take(_ count: Int) { rest = rest.dropFirst(count) }
    for (index, piece) in template.pieces.enumerated() {
      switch piece {
      case .text(let text):
        guard rest.hasPrefix(text) else { return nil }
        take(text.count)
      case .value(.stream), .value(.host):
        let name = if case .value(.stream) = piece { stream.text } else { Self.safe(host) }
        guard rest.hasPrefix(name) else { return nil }
        take(name.count)
      case .value(.date):
        guard rest.count >= 10, Timestamp(text: rest.prefix(10)) != nil else { return nil }
        take(10)
      case .value(.utc):
        guard rest.count >= 16, Timestamp(text: rest.prefix(16)) != nil else { return nil }
        take(16)
      case .value(.seq):
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard let found = Int(digits), number == nil || number == found else { return nil }
        number = found
        take(digits.count)
      case .value(.schema):
        // Up to what the template has next; the longest there can be where it is the last.
        if case .text(let next)? = template.pieces.dropFirst(index + 1).first {
          guard let end = rest.firstRange(of: next)?.lowerBound else { return nil }
          rest = rest[end...]
        } else {
          rest = rest.dropFirst(8)
        }
      }
    }
    return rest.isEmpty ? number : nil
  }

  /// What the stream's keys of these days (empty: of any) begin with.
  public func prefixes(stream: StreamName, host: String, days: [String]) -> [String] {
    var start = ""
    for piece in template.pieces {
      switch piece {
      case .text(let text): start += text
      case .value(.stream): start += stream.text
      case .value(.host): start += Self.safe(host)
      case .value(.date) where !days.isEmpty: return days.map { start + $0 }
      case .value: return [start]
      }
    }
    return [start]
  }

  /// What a key allows between slashes, and never dots alone, which could make `..`.
  private static func safe(_ text: String) -> String {
    let bytes = text.utf8.prefix(valueBytes).map { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        byte
      default: UInt8(ascii: "-")
      }
    }
    guard bytes.contains(where: { $0 != UInt8(ascii: ".") }) else { return "x" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
