public import Core
import Spool

/// Why something that a person asked for cannot be done. Nothing has changed.
public enum OperatorRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  case unknownDrop(DropID)
  case unknownFeed(FeedName)
  /// It lies in a place where this cannot be done.
  case wrongPlace(DropID, DropPlace)
  /// Its data has been swept or purged.
  case withoutData(DropID)
  /// What was found cannot be let pass by anybody.
  case lasting(DropID, [Reason.Code])

  public var description: String {
    switch self {
    case .unknownDrop(let id): "No feed has a drop \(id)"
    case .unknownFeed(let name): "There is no feed \(name)"
    case .wrongPlace(let id, .archive): "Drop \(id) has come to its end: it lies in archive"
    case .wrongPlace(let id, let place): "Drop \(id) is being worked on: it lies in \(place.rawValue)"
    case .withoutData(let id): "The data of drop \(id) is gone"
    case .lasting(let id, let codes):
      "Drop \(id) is not released: no release lets \(codes.map(\.rawValue).joined(separator: ", ")) pass. `navette show \(id)` "
        + "says what was found; when its cause is mended: navette retry \(id)"
    }
  }
}
