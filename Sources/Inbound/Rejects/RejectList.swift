import Core
import Files
import Formats
import SystemPackage

/// Which rows of a part are bad: 24 bytes each, in order, in a file of the state folder. It is made by the check and read where the part is
/// staged; what another life has left is never trusted.
struct RejectList {
  let path: FilePath
  /// Three numbers.
  private static var entryBytes: Int { 3 * MemoryLayout<UInt64>.size }

  static func write(_ row: BadRow, to spill: FileSpill) throws(FileFault) {
    let words = [UInt64(row.row), UInt64(row.kind.rawValue) << 32 | UInt64(row.column), UInt64(row.line)].map(
      \.littleEndian)
    try words.withUnsafeBufferPointer { (words) throws(FileFault) in try spill.append(UnsafeRawBufferPointer(words)) }
  }

  /// Reads it row by row.
  struct Cursor {
    private let file: any ReadableFile
    private let path: FilePath
    private var offset: UInt64 = 0
    private var words: [UInt64] = []
    private var index = 0
    private(set) var next: BadRow?

    init(_ list: RejectList, _ files: any Files) throws(FileFault) {
      (file, path) = (try files.open(list.path), list.path)
      try advance()
    }

    mutating func advance() throws(FileFault) {
      if index == words.count {
        var bytes = [UInt8](repeating: 0, count: entryBytes * Limits.rejectsRead)
        let count = try file.fill(&bytes, at: offset)
        guard count % entryBytes == 0 else {
          throw FileFault(.io, "Cannot read", at: path, why: "it ends within a row")
        }
        offset += UInt64(count)
        words = stride(from: 0, to: count, by: 8).map { start in
          (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << (8 * UInt64($1)) }
        }
        index = 0
        guard count > 0 else {
          next = nil
          return
        }
      }
      let (row, what, line) = (words[index], words[index + 1], words[index + 2])
      index += 3
      next = BadRow(
        BadRow.Kind(rawValue: UInt8(truncatingIfNeeded: what >> 32)) ?? .columns, row: Int(clamping: row),
        line: Int(clamping: line), column: Int(what & 0xffff_ffff))
    }
  }
}

extension RejectList {
  /// Problems of what is left, told by the rows of the whole part. They are in the order of their rows.
  func whole(_ problems: [Reason], _ files: any Files) throws(FileFault) -> [Reason] {
    var cursor = try Cursor(self, files)
    var leftOut = 0
    var told: [Reason] = []
    for problem in problems {
      guard let row = problem.row else {
        told.append(problem)
        continue
      }
      while let bad = cursor.next, bad.row <= row + leftOut {
        leftOut += 1
        try cursor.advance()
      }
      told.append(Reason(problem.code, problem.message, row: row + leftOut, column: problem.column))
    }
    return told
  }
}

extension BadRow.Kind {
  var code: Reason.Code {
    switch self {
    case .columns: .columnCount
    case .tooLong: .rowTooLong
    case .type: .badType
    case .null: .missingValue
    case .length: .valueTooLong
    case .duplicate: .duplicateKey
    case .json: .badJSON
    case .repeatedKey: .repeatedKey
    case .missingKey: .missingKey
    }
  }

  /// Of a line of JSON that cannot be read, or is longer than is read.
  static let ofLines: Set<Reason.Code> = [.badJSON, .repeatedKey, .rowTooLong]

  /// Of a row, which may be left out where the others are good.
  static let codes = Set(allCases.map(\.code))
}
