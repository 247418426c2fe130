public import Logging

/// Lets libraries that use swift-log speak: from warnings up, as lines beside our events. What they say at other times is
/// theirs alone.
public struct LogBridge: LogHandler {
  private let label: String
  private let sink: any LibrarySink
  public var logLevel = Logger.Level.warning
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?

  public init(label: String, sink: any LibrarySink) {
    self.label = label
    self.sink = sink
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    guard event.level >= .warning else { return }
    var details = metadata
    details.merge(metadataProvider?.get() ?? [:]) { $1 }
    details.merge(event.metadata ?? [:]) { $1 }
    var message = "\(event.message)"
    for (name, value) in details.sorted(by: { $0.key < $1.key }) { message += " \(name)=\(value)" }
    if let error = event.error { message += " error=\(error)" }
    sink.note(event.level >= .error ? .error : .warning, from: label, message)
  }
}
