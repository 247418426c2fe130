public import Core
import Files
import Formats
public import Store
public import SystemPackage
import Threads

/// What the puller wants done in a store. It counts as under way until its end is noted.
public enum PullWork: Sendable {
  case list(PullList)
  case fetch(PullFetch)
  case delete(PullDelete)

  public var feed: FeedName {
    switch self {
    case .list(let work): work.feed
    case .fetch(let work): work.feed
    case .delete(let work): work.feed
    }
  }
  public var store: StoreName {
    switch self {
    case .list(let work): work.store
    case .fetch(let work): work.candidate.source.store
    case .delete(let work): work.source.store
    }
  }
}

extension PullWork {
  /// Objects are told by a digest: their keys may hold anything.
  var inHand: Work {
    switch self {
    case .list(let list): Work(.pull(list.feed), .list, store: list.store)
    case .fetch(let fetch):
      Work(.pull(fetch.feed), .fetch, .object(fetch.candidate.source.digest), store: fetch.candidate.source.store)
    case .delete(let delete):
      Work(.pull(delete.feed), .delete, .object(delete.source.digest), store: delete.source.store)
    }
  }

  /// - Parameter page: takes each page of a list; what it throws ends the list.
  /// - Returns: nil: it was ended by `page`, or by whoever runs it.
  func carryOut(
    in store: any RemoteStore, page: @escaping @Sendable ([ListedObject], PullList) async throws -> Void
  ) async -> PullEnd? {
    do {
      switch self {
      case .list(let list):
        let barred = Locked<[BarredFolder]>([])
        try await store.list(
          list.prefix, depth: list.depth, barred: { folder in barred.withLock { $0.append(folder) } }
        ) { objects in try await page(objects, list) }
        return .listed(list, .success(barred.withLock { $0 }))
      case .fetch(let fetch):
        guard let key = fetch.key else { throw Self.noKey(fetch.candidate.source.key) }
        return .fetched(
          fetch, .success(try await store.read(key, into: fetch.part, atMost: fetch.candidate.source.size)))
      case .delete(let delete):
        guard let key = delete.key else { throw Self.noKey(delete.source.key) }
        // Where another version has come, it stays, and is fetched.
        if let object = try await store.find(key), delete.source.isSame(as: object) {
          _ = try await store.delete(key, listedAs: object)
        }
        return .deleted(delete, .success(()))
      }
    } catch let fault as StoreFault {
      switch self {
      case .list(let list): return .listed(list, .failure(fault))
      case .fetch(let fetch): return .fetched(fetch, .failure(fault))
      case .delete(let delete): return .deleted(delete, .failure(fault))
      }
    } catch {
      return nil
    }
  }

  private static func noKey(_ key: String) -> StoreFault {
    StoreFault(.refused, "Cannot ask for", at: FileName(key).masked, why: "it is no key")
  }

}

/// The whole list below the feed's prefix, told page by page.
public struct PullList: Sendable {
  public let feed: FeedName
  public let store: StoreName
  public let prefix: String
  /// Of folders below that of the prefix.
  public let depth: Int

  init(_ feed: PullCommon) {
    (self.feed, store, prefix, depth) = (feed.name, feed.store, feed.names.prefix, feed.names.depth)
  }
}

public struct PullFetch: Sendable {
  public let feed: FeedName
  public let candidate: PullCandidate
  /// A new file.
  public let part: FilePath
  public var key: StoreKey? { StoreKey(listed: candidate.source.key) }

  /// What is left is removed at the next start, if not now.
  func clear(_ files: any Files) { try? files.remove(part) }
}

/// Of the version that was fetched: another one stays.
public struct PullDelete: Sendable {
  public let feed: FeedName
  public let source: DropPart.Origin
  public var key: StoreKey? { StoreKey(listed: source.key) }
}

/// How a piece of work ended.
public enum PullEnd: Sendable {
  /// With the folders that could not be listed.
  case listed(PullList, Result<[BarredFolder], StoreFault>)
  case fetched(PullFetch, Result<Receipt, StoreFault>)
  case deleted(PullDelete, Result<Void, StoreFault>)
}

extension PullEnd {
  var inHand: Work {
    switch self {
    case .listed(let list, _): PullWork.list(list).inHand
    case .fetched(let fetch, _): PullWork.fetch(fetch).inHand
    case .deleted(let delete, _): PullWork.delete(delete).inHand
    }
  }
}

extension DropPart.Origin {
  func isSame(as object: ListedObject) -> Bool {
    isSame(
      as: DropPart.Origin(
        store: store, key: object.key, size: object.size, tag: object.tag, modified: object.modified))
  }

  /// Rounded as our own are.
  func isModified(at time: Timestamp?) -> Bool {
    DropPart.Origin(store: store, key: key, size: size, tag: tag, modified: time).modified == modified
  }

  /// Of store and key: the same in each life, and tells neither.
  var digest: String { String(DigestHasher.digest(of: Array("\(store)/\(key)".utf8)).description.prefix(16)) }
}
