import Core
import Files
import Formats
import FoundationEssentials
import SystemPackage

/// Rows of one cut that are not sent, on their way to `aside`: a file with the log's header and the rows as they were, and beside it a line of
/// JSON for each row: where it stood, and why it is left out. No value stands there.
final class AsideWriter {
  private let folder: FilePath
  private let files: any Files
  private var rows: (any WritableFile)?
  private var reasons: (any WritableFile)?
  private var found = AsideRows()
  private var log: Cuttable?
  private var header: [UInt8] = []
  /// The header that was written last.
  private var written: [UInt8]?

  /// - Parameter folder: of the batch that is being cut.
  init(folder: FilePath, files: any Files) { (self.folder, self.files) = (folder, files) }

  /// What comes now is of this log.
  func begin(_ log: Cuttable, header: [UInt8]) { (self.log, self.header) = (log, header) }

  /// - Parameters:
  ///   - record: with or without its line end.
  ///   - offset: in the log.
  func add(_ record: UnsafeRawBufferPointer, at offset: UInt64, _ fault: RowFault) throws(FileFault) {
    guard let log else { return }
    if rows == nil {
      rows = try files.create(folder.appending(AsideRows.rowsName), mode: .stateFile)
      reasons = try files.create(folder.appending(AsideRows.reasonsName), mode: .stateFile)
      found.name = "\(log.record.id)-\(offset)"
    }
    if written != header, !header.isEmpty { try write(header + [UInt8(ascii: "\n")], to: rows) }
    written = header
    try rows?.write(record)
    if record.last != UInt8(ascii: "\n") { try write([UInt8(ascii: "\n")], to: rows) }
    let place = Place(log: log.record.id.description, byte: offset, code: fault.code, column: fault.column)
    try write(Self.line(place), to: reasons)
    found.note(fault)
    found.bytes += UInt64(record.count)
  }

  private struct Place: Encodable {
    let log: String
    let byte: UInt64
    let code: Reason.Code
    let column: String?
  }

  private static func line(_ place: Place) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Texts and numbers: it cannot fail.
    return (try? Array(encoder.encode(place))).map { $0 + [UInt8(ascii: "\n")] } ?? []
  }

  func finish() throws(FileFault) -> AsideRows? { rows == nil ? nil : found }

  private func write(_ bytes: [UInt8], to file: (any WritableFile)?) throws(FileFault) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(FileFault) in
      try file?.write(UnsafeRawBufferPointer(bytes))
    }
  }
}

/// What was left out of a cut.
struct AsideRows: Hashable {
  static let rowsName: FileName = "aside.csv"
  static let reasonsName: FileName = "aside.reasons.jsonl"

  /// Of the files, once they lie in `aside`: the first log and where the first row stood in it. What is cut again gets the same name.
  fileprivate(set) var name = ""
  fileprivate(set) var bytes: UInt64 = 0
  /// How many rows for which reason.
  private(set) var counts: [RowFault: Int] = [:]

  var rows: Int { counts.values.reduce(0, +) }

  fileprivate mutating func note(_ fault: RowFault) { counts[fault, default: 0] += 1 }

  /// Puts the files of a batch in `building` where they stay; durable on return.
  func keep(from folder: FilePath, in aside: FilePath, _ files: any Files) throws(FileFault) -> FilePath {
    try files.ensureDirectory(aside)
    let target = aside.appending(FileName("\(name).csv"))
    let reasons = aside.appending(FileName("\(name).reasons.jsonl"))
    try files.sync([folder.appending(Self.rowsName), folder.appending(Self.reasonsName)])
    try files.replace(reasons, with: folder.appending(Self.reasonsName))
    try files.replace(target, with: folder.appending(Self.rowsName))
    try files.sync([aside, aside.parent])
    return target
  }
}
