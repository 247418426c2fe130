import Config
import Core
import Files
import Formats

/// `header.rename` names columns that a log does not have: a slip, or the log has changed. Told once for each header; nothing stops.
struct RenameCheck {
  private var told: Set<Digest> = []

  mutating func run(_ log: Cuttable, in pass: StreamPass) throws {
    guard !pass.settings.headerRename.isEmpty, let own = try pass.contents.ownHeader(of: log) else { return }
    let missing = Self.missing(in: own.line, pass.settings)
    guard !missing.isEmpty, told.insert(DigestHasher.digest(of: own.line)).inserted else { return }
    if told.count > Limits.headersTold { told = [DigestHasher.digest(of: own.line)] }
    pass.report(
      .renameUnmatched,
      "A log of stream \(pass.name) has no column \(Self.list(missing)), which header.rename names: those columns keep the names that they have",
      [.path: log.path.shown, .reason: "header.rename"])
  }

  static func list(_ names: [String]) -> String { names.map { "“\($0)”" }.joined(separator: ", ") }

  /// Names of `header.rename` that no column of the log has; of a log without a header nothing is known.
  static func missing(in own: [UInt8], _ settings: StreamSettings) -> [String] {
    guard !own.isEmpty else { return [] }
    let names = ColumnNames(own).names
    let known = Set(names + (settings.headerSanitize ? names.map { ColumnNames.sanitized($0) } : []))
    return settings.headerRename.keys.filter { !known.contains($0) }.sorted()
  }
}
