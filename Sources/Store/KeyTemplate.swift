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
  public static let valueBytes = 64
  private let template: Template<Placeholder>

  public init(_ text: String) throws(TemplateComplaint) {
    template = try Template(text)
    guard template.holds(.seq) else {
      throw TemplateComplaint("no {seq}: two batches of one second would have the same key")
    }
    let longest = String(repeating: "x", count: Self.valueBytes)
    let sample = fill { placeholder in
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
    let text = fill { placeholder in
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

  private func fill(_ value: (Placeholder) -> String) -> String {
    template.pieces.map {
      switch $0 {
      case .text(let text): text
      case .value(let placeholder): value(placeholder)
      }
    }.joined()
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
