import Config
public import Core
public import Files
import Formats
import Spool
public import SystemPackage

/// Where bad rows lie that were left out of what was handed over: in quarantine, under the drop's own id. For each part a file with the
/// header and the rows as they were, and beside it a line of JSON for each row: where it stood, and why it is bad. No value stands there.
public struct RejectFolder {
  private static let suffix = ".rejected"
  private static let countName: FileName = "rejected.json"

  public let path: FilePath
  private let files: any Files

  public init(_ drop: DropID, in quarantine: FilePath, _ files: any Files) {
    (path, self.files) = (quarantine.appending("\(drop)\(Self.suffix)"), files)
  }

  /// Of the name of such a folder.
  static func drop(_ name: String) -> DropID? {
    name.hasSuffix(suffix) ? DropID(String(name.dropLast(suffix.count))) : nil
  }

  /// How many rows lie there, of how many.
  public struct Count: Codable, Hashable {
    public let rejected: Int
    public let rows: Int
  }

  /// Nil where there is no such folder, or nothing to be read.
  public func count() -> Count? {
    try? files.readPlan(Count.self, at: path.appending(Self.countName))
  }

  func isThere() throws(FileFault) -> Bool { try files.info(path) != nil }
  func remove() throws(FileFault) { try files.removeTree(path) }

  /// Begins anew: what an earlier attempt has left goes.
  func begin() throws(FileFault) {
    try remove()
    try files.ensureDirectory(path)
  }

  /// Durable on return.
  func seal(_ plan: DropPlan) throws(FileFault) {
    let count = Count(rejected: plan.rejected, rows: plan.rows ?? 0)
    try files.writePlan(count, to: path.appending(Self.countName))
    try files.sync(files.list(path).map { path.appending($0) } + [path, path.parent])
  }

  /// For the rows of one part.
  func writer(
    for part: DropPart, requireRoom: @escaping (UInt64) throws(FileFault) -> Void
  ) throws(FileFault) -> RejectWriter {
    var name = part.clearName
    if name.bytes.suffix(3).map({ $0 | 0x20 }) == Array(".gz".utf8), name.bytes.count > 3 {
      name = FileName(bytes: name.bytes.dropLast(3))
    }
    // `x.csv` and `x.csv.gz` may be of one set.
    if try files.info(path.appending(name)) != nil { name = part.name }
    let reasons = FileName(bytes: name.bytes.prefix(Limits.nameBytes - 14) + Array(".reasons.jsonl".utf8))
    return RejectWriter(
      rows: try files.create(path.appending(name), mode: .stateFile),
      reasons: try files.create(path.appending(reasons), mode: .stateFile), requireRoom: requireRoom)
  }
}

/// The files of one part.
final class RejectWriter {
  private let rows, reasons: any WritableFile
  private let requireRoom: (UInt64) throws(FileFault) -> Void
  private var lines: [UInt8] = []

  init(
    rows: any WritableFile, reasons: any WritableFile, requireRoom: @escaping (UInt64) throws(FileFault) -> Void
  ) {
    (self.rows, self.reasons, self.requireRoom) = (rows, reasons, requireRoom)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
    try requireRoom(UInt64(bytes.count))
    try rows.write(bytes)
  }

  func note(_ row: BadRow) throws(FileFault) {
    let column = row.column > 0 ? ",\"column\":\(row.column)" : ""
    lines += Array("{\"row\":\(row.row),\"line\":\(row.line)\(column),\"code\":\"\(row.kind.code.rawValue)\"}\n".utf8)
    if lines.count >= Limits.chunkBytes { try finish() }
  }

  func finish() throws(FileFault) {
    try requireRoom(UInt64(lines.count))
    try lines.withUnsafeBufferPointer { (bytes) throws(FileFault) in try reasons.write(UnsafeRawBufferPointer(bytes)) }
    lines.removeAll(keepingCapacity: true)
  }
}

extension DropPlan {
  /// Rows that are not handed over.
  var rejected: Int { data.reduce(0) { $0 + ($1.rejected ?? 0) } }
}
