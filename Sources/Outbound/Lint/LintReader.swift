public import Config
import Core
public import Files
public import Ledger
import SystemPackage

/// Reads what the lint looks at: the first records of some logs of each stream, and no more.
public struct LintReader {
  private let settings: Settings
  private let files: any Files

  public init(_ settings: Settings, files: any Files) { (self.settings, self.files) = (settings, files) }

  /// What is to be said; a log that cannot be read is none of ours: who reads it tells.
  /// - Parameter ledger: for what was sent lately.
  public func notes(_ ledger: Ledger?, at now: Timestamp) -> [LintNote] {
    var samples: [LogSample] = []
    for stream in settings.streams where settings.isForAEP(stream) || !stream.headerRename.isEmpty {
      samples += self.samples(of: stream)
    }
    var bytes: [StreamName: UInt64] = [:]
    for stream in settings.streams where stream.dataflowEvery != nil {
      let days = try? ledger?.read { (t) throws(LedgerFault) in
        try t.batches.confirmedBytes(of: stream.name, in: Limits.lintDay, count: Limits.lintDays, until: now)
      }
      guard let days, let first = days.firstIndex(where: { $0 > 0 }), first < days.count - 1 else { continue }
      // The day that is under way, and the one that began it, are parts.
      let whole = days[first...].dropLast()
      bytes[stream.name] = whole.reduce(0, +|) / UInt64(max(whole.count, 1))
    }
    return IngestionLint(settings: settings, samples: samples, bytesPerDay: bytes).notes()
  }

  private func samples(of stream: StreamSettings) -> [LogSample] {
    var found: [(path: FilePath, modified: Int64)] = []
    for log in stream.logs {
      let path = FilePath(log)
      let pattern = Glob(String(decoding: path.name?.bytes ?? [], as: UTF8.self))
      for name in (try? files.list(path.parent)) ?? [] where pattern.matches(name.bytes) {
        let path = path.parent.appending(name)
        guard let info = try? files.info(path), info.kind == .file, info.size > 0 else { continue }
        found.append((path, info.modified))
      }
    }
    let newest = found.sorted { ($0.modified, $0.path.string) > ($1.modified, $1.path.string) }.prefix(Limits.lintLogs)
    return newest.sorted { $0.path.string < $1.path.string }.compactMap { log in
      (try? beginning(of: log.path, stream)).map {
        LogSample(of: stream, path: log.path.name?.masked ?? log.path.shown, $0.bytes, isWhole: $0.isWhole)
      }
    }
  }

  private func beginning(of path: FilePath, _ stream: StreamSettings) throws(FileFault) -> (
    bytes: [UInt8], isWhole: Bool
  ) {
    let file = try files.open(path)
    let wrapping = Wrapping(if: try Packing(file), stream.rotation == .closed ? stream.encoding : .utf8)
    let text: any ReadableFile = wrapping.map { UnpackedFile(file, $0, at: path) } ?? file
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: Limits.packedRead)
    while bytes.count < Limits.lintBytes {
      let count = try buffer.withUnsafeMutableBufferPointer { (all) throws(FileFault) in
        try text.read(into: UnsafeMutableRawBufferPointer(all), at: UInt64(bytes.count))
      }
      if count == 0 { return (bytes, true) }
      bytes += buffer[..<count]
    }
    return (bytes, false)
  }
}
