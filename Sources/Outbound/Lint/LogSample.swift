import Config
import Core
import Formats

/// The first records of one log, as `check` looks at them. A value without a disk.
struct LogSample: Hashable, Sendable {
  let stream: StreamName
  let path: String
  /// The log's header, or what the settings say in its place; empty: none.
  let header: [UInt8]
  /// Each without its line end.
  let rows: [[UInt8]]

  /// - Parameters:
  ///   - bytes: the beginning of the log, as text.
  ///   - isWhole: they are all of it.
  init(of stream: StreamSettings, path: String, _ bytes: [UInt8], isWhole: Bool) {
    self.stream = stream.name
    self.path = path
    var records = Self.records(bytes, stream.record == .csv ? .csv() : .line, isWhole)
    switch stream.header {
    case .none: header = []
    case .columns(let names): header = Array(names.joined(separator: ",").utf8)
    case .firstLine: header = records.isEmpty ? [] : records.removeFirst()
    }
    rows = records
  }

  private static func records(_ bytes: [UInt8], _ dialect: RecordDialect, _ isWhole: Bool) -> [[UInt8]] {
    var records: [[UInt8]] = []
    var start = 0
    bytes.withUnsafeBytes { all in
      while start < all.count {
        let rest = UnsafeRawBufferPointer(rebasing: all[start...])
        let found = Records.scan(rest, dialect: dialect, maxRecords: 1, isLast: isWhole).end
        // What is cut off by the end of the look is none of ours.
        let end = found > 0 ? found : isWhole ? rest.count : 0
        guard end > 0 else { return }
        var record = Array(rest[..<end])
        while record.last == 0x0a || record.last == 0x0d { record.removeLast() }
        if !record.isEmpty { records.append(record) }
        start += end
      }
    }
    return records
  }

  struct Cell {
    var value: [UInt8] = []
    var isQuoted = false
  }

  /// Of one row, as RFC 4180 has it.
  static func cells(_ row: [UInt8], _ delimiter: UInt8?) -> [Cell] {
    var cells = [Cell()]
    var isInside = false
    for (index, byte) in row.enumerated() {
      let last = cells.count - 1
      if byte == 0x22, isInside || cells[last].value.isEmpty && !cells[last].isQuoted {
        // Of two quotes inside, one is meant; the text keeps both, which is enough to tell that there are some.
        if isInside, index + 1 < row.count, row[index + 1] == 0x22 { cells[last].value.append(byte) }
        isInside.toggle()
        cells[last].isQuoted = true
      } else if byte == delimiter, !isInside {
        cells.append(Cell())
      } else {
        cells[last].value.append(byte)
      }
    }
    return cells
  }
}
