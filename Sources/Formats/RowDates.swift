public import Core

/// Tells the day of a row by one of its columns.
public struct RowDates: Hashable, Sendable {
  private static let window = Limits.recordWindow
  private static let longestField = Limits.dateFieldBytes

  /// From 0.
  private let column: Int
  private let delimiter: UInt8?
  private let dialect: RecordDialect

  public init(column: Int, delimiter: UInt8?, dialect: RecordDialect) {
    (self.column, self.delimiter, self.dialect) = (column, delimiter, dialect)
  }

  /// The first records that are of one day; those whose stamp cannot be read go with their neighbours.
  /// - Parameters:
  ///   - bytes: so many complete records.
  ///   - day: midnight of the day that counts; nil: of the first stamp that can be read, which is put there.
  /// - Returns: how many records, and their bytes. Fewer than all: the next one is of another day.
  public func stretch(
    _ bytes: UnsafeRawBufferPointer, records: Int, day: inout Timestamp?
  ) -> (records: Int, bytes: Int) {
    var taken = (records: 0, bytes: 0)
    while taken.bytes < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[taken.bytes...])
      let next = first(of: rest)
      if let found = self.day(of: UnsafeRawBufferPointer(rebasing: rest[..<next.bytes])) {
        if let day, day != found { return taken }
        day = found
      }
      taken.bytes += next.bytes
      taken.records += next.records
    }
    // However the last stretch was counted, all of it was taken.
    return (records, bytes.count)
  }

  private func first(of bytes: UnsafeRawBufferPointer) -> (records: Int, bytes: Int) {
    var limit = Self.window
    while true {
      let found = Records.scan(bytes, dialect: dialect, maxRecords: 1, maxBytes: limit)
      if found.end > 0 { return (found.records, found.end) }
      // What has no end of its own here is left whole.
      guard limit < bytes.count else { return (1, bytes.count) }
      limit *= 2
    }
  }

  /// Midnight, UTC, of the row's day; nil where its stamp cannot be read.
  func day(of record: UnsafeRawBufferPointer) -> Timestamp? {
    guard let field = field(of: record), let time = Self.time(String(decoding: field, as: UTF8.self)) else {
      return nil
    }
    let fields = time.fields
    return Timestamp(.init(year: fields.year, month: fields.month, day: fields.day))
  }

  /// As people and programs write it: `2026-03-12T06:00:00.5+01:00`, `2026-03-12 06:00:00`, seconds or milliseconds since 1970.
  static func time(_ text: String) -> Timestamp? {
    if let time = Timestamp(text: text) { return time }
    guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(text) else { return nil }
    switch text.utf8.count {
    case 9...10: return Timestamp(seconds: number)
    case 13: return Timestamp(seconds: number / 1_000)
    default: return nil
    }
  }

  private func field(of record: UnsafeRawBufferPointer) -> [UInt8]? {
    var index = 0
    var isQuoted = false
    var isStart = true
    var field: [UInt8] = []
    for byte in record {
      if byte == 0x22, isStart || isQuoted {
        isQuoted.toggle()
        isStart = false
        continue
      }
      if !isQuoted, byte == delimiter || byte == 0x0a || byte == 0x0d {
        if index == column { return field }
        guard byte == delimiter else { return nil }
        index += 1
        isStart = true
        continue
      }
      isStart = false
      guard index == column else { continue }
      field.append(byte)
      guard field.count <= Self.longestField else { return nil }
    }
    return index == column ? field : nil
  }
}
