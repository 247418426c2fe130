/// A folder that is a state. What lies in it has had done to it what the place says; one rename moves it on.
public protocol Place: RawRepresentable, CaseIterable, Hashable, Sendable, Codable where RawValue == String {
  /// The moves that are allowed; every other one is a fault in the program.
  static var moves: [Self: Set<Self>] { get }
}

/// | Place | A drop here… |
/// | --- | --- |
/// | gathering | is being taken out of landing: its parts may be incomplete |
/// | claimed | is whole and ours, checked or about to be |
/// | handover | is staged beside its final names; the renames are under way or done |
/// | held | is doubtful, or cannot be handed over now, and waits for a person |
/// | archive | is finished: handed over, or a duplicate |
/// | quarantine | was refused; `reasons.json` says why |
/// | damaged | cannot be worked on: its plan cannot be read, or the agent crashed on it; waits for a person |
public enum DropPlace: String, Place {
  case gathering, claimed, handover, held, archive, quarantine, damaged

  public static let moves: [DropPlace: Set<DropPlace>] = [
    .gathering: [.claimed, .damaged],
    .claimed: [.handover, .held, .archive, .quarantine, .damaged],
    .handover: [.archive, .damaged],
    .held: [.claimed, .quarantine, .damaged],
    .quarantine: [.claimed, .damaged],
    .archive: [.damaged],
    .damaged: [.claimed, .quarantine],
  ]
}

/// | Place | A batch here… |
/// | --- | --- |
/// | building | is being written: emptied at the next start |
/// | ready | is sealed; its bytes and key never change again |
/// | held | was refused for good by a store and waits for a person |
/// | delivered | is confirmed by every store of its stream |
/// | damaged | cannot be sent: its plan or its object is not what was sealed; waits for a person |
public enum BatchPlace: String, Place {
  case building, ready, held, delivered, damaged

  public static let moves: [BatchPlace: Set<BatchPlace>] = [
    .building: [.ready],
    .ready: [.held, .delivered, .damaged],
    .held: [.ready, .delivered, .damaged],
    .delivered: [.damaged],
    .damaged: [.ready, .delivered],
  ]
}
