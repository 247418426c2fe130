public import Core

/// What a worker has in hand, in terms that a person finds again: names from the configuration and numbers of ours. No row, no address,
/// no file's name.
public struct Work: Hashable, Sendable {
  public enum Lane: Hashable, Sendable {
    case feed(FeedName), stream(StreamName)
    /// The pull of that feed.
    case pull(FeedName)
    case command
  }

  /// Raw values are written to the disk: none is ever used again for another step.
  public enum Step: UInt8, CaseIterable, Hashable, Sendable {
    case pass = 1, manifest, look, take, check, stage, handOver, adopt, sweep, read, cut, seal, offer, send, list, fetch
    case delete, place, compare, plan, clear
  }

  public enum Item: Hashable, Sendable {
    case none
    case drop(DropID)
    case batch(BatchID)
    /// A file in landing, or a log that is not known yet. With its size, so that a new file under an old number is another one.
    case file(inode: UInt64, size: UInt64)
    /// A log that is known.
    case source(SourceID)
    /// A digest of the object's store and key.
    case object(String)
  }

  public let lane: Lane
  public let step: Step
  public let item: Item
  public let store: StoreName?

  public init(_ lane: Lane, _ step: Step, _ item: Item = .none, store: StoreName? = nil) {
    (self.lane, self.step, self.item, self.store) = (lane, step, item, store)
  }

  public init(_ lane: Lane, _ step: Step, _ file: FileInfo) {
    self.init(lane, step, .file(inode: file.inode, size: file.size))
  }
}

extension Work.Lane {
  var kind: UInt8 {
    switch self {
    case .feed: 1
    case .stream: 2
    case .pull: 3
    case .command: 4
    }
  }

  public var name: String {
    switch self {
    case .feed(let name), .pull(let name): name.text
    case .stream(let name): name.text
    case .command: ""
    }
  }

  init?(kind: UInt8, name: String) {
    switch kind {
    case 1:
      guard let name = FeedName(name) else { return nil }
      self = .feed(name)
    case 2:
      guard let name = StreamName(name) else { return nil }
      self = .stream(name)
    case 3:
      guard let name = FeedName(name) else { return nil }
      self = .pull(name)
    case 4: self = .command
    default: return nil
    }
  }
}

extension Work.Item {
  var kind: UInt8 {
    switch self {
    case .none: 0
    case .drop: 1
    case .batch: 2
    case .file: 3
    case .object: 4
    case .source: 5
    }
  }

  /// As it is written, and shown.
  public var text: String {
    switch self {
    case .none: ""
    case .drop(let id): id.description
    case .batch(let id): id.description
    case .file(let inode, let size): "\(inode):\(size)"
    case .object(let digest): digest
    case .source(let id): id.description
    }
  }

  init?(kind: UInt8, text: String) {
    switch kind {
    case 0: self = .none
    case 1:
      guard let id = DropID(text) else { return nil }
      self = .drop(id)
    case 2:
      guard let id = BatchID(text) else { return nil }
      self = .batch(id)
    case 3:
      let numbers = text.split(separator: ":").compactMap { UInt64($0) }
      guard numbers.count == 2 else { return nil }
      self = .file(inode: numbers[0], size: numbers[1])
    case 4: self = .object(text)
    case 5:
      guard let id = SourceID(text) else { return nil }
      self = .source(id)
    default: return nil
    }
  }
}

// MARK: - Words

extension Work: CustomStringConvertible {
  /// `checking drop 20260312T060000Z-9f2c41 of feed audiences`.
  public var description: String {
    let owner = lane.shown + (store.map { ", store \($0)" } ?? "")
    switch item {
    case .none: return "\(step.words) \(owner)"
    case .file(let inode, let size):
      return "\(step.words) the file with inode \(inode) (\(counted(size, "byte"))) of \(owner)"
    case .drop(let id): return "\(step.words) drop \(id) of \(owner)"
    case .batch(let id): return "\(step.words) batch \(id) of \(owner)"
    case .object(let digest): return "\(step.words) object \(digest) of \(owner)"
    case .source(let id): return "\(step.words) log \(id) of \(owner)"
    }
  }
}

extension Work.Lane {
  public var shown: String {
    switch self {
    case .feed(let name): "feed \(name)"
    case .stream(let name): "stream \(name)"
    case .pull(let name): "the pull of feed \(name)"
    case .command: "a command"
    }
  }
}

extension Work.Step {
  /// As in JSON and in messages.
  public var words: String {
    switch self {
    case .pass: "working on"
    case .manifest: "reading the manifest"
    case .look: "looking at"
    case .take: "taking over"
    case .check: "checking"
    case .stage: "staging"
    case .handOver: "handing over"
    case .adopt: "recording"
    case .sweep: "sweeping"
    case .read: "reading"
    case .cut: "cutting"
    case .seal: "sealing"
    case .offer: "offering"
    case .send: "sending"
    case .list: "listing"
    case .fetch: "fetching"
    case .delete: "deleting"
    case .place: "placing"
    case .compare: "comparing"
    case .plan: "reading the plan of"
    case .clear: "clearing the originals of"
    }
  }

  public var name: String { "\(self)" }
}
