import Core
import Files
import Spool
import SystemPackage

/// `purged.json` in a batch's folder: its object was deleted, or is about to be, because a person asked for that. The plan stays
/// beside it, so that the records are never sent again.
struct PurgeMark: Hashable, Sendable, Codable {
  static let fileName: FileName = "purged.json"

  var schema = 1
  let at: Timestamp
  let by: String
  let reason: String
  /// Every store had confirmed the batch before.
  let wasDelivered: Bool
  /// Stores where the object was deleted as well.
  var removedFrom: [StoreName]?

  static func isIn(_ folder: FilePath, _ files: any Files) throws(FileFault) -> Bool {
    try files.info(folder.appending(fileName)) != nil
  }

  /// It is there, so the object goes: that what it says cannot be read changes nothing.
  static func read(in folder: FilePath, _ place: BatchPlace, _ files: any Files) throws(FileFault) -> PurgeMark? {
    guard let info = try files.info(folder.appending(fileName)) else { return nil }
    do throws(FileFault) {
      return try files.readPlan(PurgeMark.self, at: folder.appending(fileName))
    } catch {
      guard error.kind == .damaged else { throw error }
      return PurgeMark(
        at: Timestamp(nanoseconds: info.modified), by: "unknown", reason: "its mark cannot be read",
        wasDelivered: place == .delivered)
    }
  }
}
