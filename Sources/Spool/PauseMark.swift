public import Core
public import Files
import SystemPackage

/// The file that says a feed or a stream is paused: as long as it is there, also across restarts. Who may write into the state folder may make
/// and remove it by hand.
public struct PauseMark: Sendable {
  private struct Content: Codable {
    var schema = 1
    let at: Timestamp
    let by: Requester?
  }

  private let path: FilePath
  private let files: any Files

  public init(_ stream: StreamName, state: StateFolder, files: any Files) {
    path = state.pauseOfStream(stream)
    self.files = files
  }

  public init(_ feed: FeedName, state: StateFolder, files: any Files) {
    path = state.pauseOfFeed(feed)
    self.files = files
  }

  public func isSet() throws(FileFault) -> Bool { try files.info(path) != nil }

  /// Since when it is paused; nil where it is not.
  public func since() throws(FileFault) -> Timestamp? {
    guard let info = try files.info(path) else { return nil }
    return (try? files.readPlan(Content.self, at: path).at) ?? Timestamp(nanoseconds: info.modified)
  }

  /// Nil where the mark was made by hand.
  public func asker() -> Requester? { try? files.readPlan(Content.self, at: path).by }

  /// Durable on return. - Returns: false where it was set before.
  @discardableResult public func set(at now: Timestamp, by who: Requester? = nil) throws(FileFault) -> Bool {
    let folder = path.parent
    try files.ensureDirectory(folder)
    let isNew = try !isSet()
    if isNew { try files.writePlan(Content(at: now, by: who), to: path) }
    let lanes = folder.parent
    try files.sync([path, folder, lanes, lanes.parent])
    return isNew
  }

  /// Durable on return. - Returns: false where it was not set.
  @discardableResult public func clear() throws(FileFault) -> Bool {
    guard try isSet() else { return false }
    try files.remove(path)
    try files.sync([path.parent])
    return true
  }
}
