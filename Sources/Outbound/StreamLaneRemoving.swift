public import Core
import Store

extension StreamLane {
  /// Deletes in the stores what they hold of a batch that was purged here. Asked for again, it goes on with those that are left.
  /// - Returns: what came of it in each store; nil where there is no such batch, or it was not purged.
  public func remove(_ batch: BatchID, by: String, reason: String) async throws -> [StoreName: Removal]? {
    guard let objects = try worker.remoteObjects(of: batch) else { return nil }
    var removals: [StoreName: Removal] = [:]
    for object in objects {
      let store = object.sent.store
      let removal = await remove(object)
      if case .left = removal {
      } else {
        try worker.noteRemoved(batch, from: store, by: by, reason: reason, at: clock())
      }
      removals[store] = removal
    }
    return removals
  }

  private func remove(_ object: RemoteObject) async -> Removal {
    guard let store = stores[object.sent.store] else { return .left("the store is no longer configured") }
    do throws(StoreFault) { return try await object.remove(from: store) } catch { return .left("\(error)") }
  }
}
