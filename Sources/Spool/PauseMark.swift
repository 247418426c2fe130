public import Core
public import Files
import SystemPackage

/// The file that says a stream is paused: as long as it is there, also across restarts. Who may write into the state folder may make
/// and remove it by hand.
public struct PauseMark: Sendable {
  private struct Content: Codable {
    var schema = 1
    let at: Timestamp
  }

  private let path: FilePath
  private let files: any Files

  public init(_ stream: StreamName, state: StateFolder, files: any Files) {
    path = state.pauseOfStream(stream)
    self.files = files
  }

  public func isSet() throws(FileFault) -> Bool { try files.info(path) != nil }

  /// Since when the stream is paused; nil where it is not.
  public func since() throws(FileFault) -> Timestamp? {
    guard let info = try files.info(path) else { return nil }
    return (try? files.readPlan(Content.self, at: path).at) ?? Timestamp(nanoseconds: info.modified)
  }

  /// Durable on return. - Returns: false where it was set before.
  @discardableResult public func set(at now: Timestamp) throws(FileFault) -> Bool {
    let folder = path.removingLastComponent()
    try files.ensureDirectory(folder)
    let isNew = try !isSet()
    if isNew { try files.writePlan(Content(at: now), to: path) }
    let streams = folder.removingLastComponent()
    try files.sync([path, folder, streams, streams.removingLastComponent()])
    return isNew
  }

  /// Durable on return. - Returns: false where it was not set.
  @discardableResult public func clear() throws(FileFault) -> Bool {
    guard try isSet() else { return false }
    try files.remove(path)
    try files.sync([path.removingLastComponent()])
    return true
  }
}
