import Core
import Journal
import Ledger

/// What the checks say of a drop.
enum Verdict: Hashable {
  case accepted
  /// To be kept, but not handed over: an empty drop of a feed that wants it so.
  case archived(Reason)
  case duplicate(of: DropID)
  /// Nothing but a manifest, whose files were taken before it came, or for which nothing waits.
  case confirmed
  case held([Reason])
  case quarantined([Reason])

  var outcome: DropOutcome {
    switch self {
    case .accepted: .accepted
    case .archived, .confirmed: .archived
    case .duplicate: .duplicate
    case .held: .held
    case .quarantined: .quarantined
    }
  }

  /// Where the drop goes; nil: to its hand-over.
  var place: DropPlace? {
    switch self {
    case .accepted: nil
    case .archived, .duplicate, .confirmed: .archive
    case .held: .held
    case .quarantined: .quarantine
    }
  }

  var reasons: [Reason] {
    switch self {
    case .held(let reasons), .quarantined(let reasons): reasons
    case .archived(let reason): [reason]
    case .accepted, .duplicate, .confirmed: []
    }
  }
}

extension Verdict {
  /// What came late waits for a person, whatever else is said of it: a part of it may have been handed over.
  func heldAsRest(of first: DropID?) -> Verdict {
    guard let first else { return self }
    let reason = Reason(
      .lateWrite,
      "Its sender wrote on after drop \(first) had been taken, and this is the whole file. Release hands over all of it, also what "
        + "drop \(first) has handed over; purge deletes it")
    return .held(listed([reason] + reasons))
  }

  var eventName: String {
    switch self {
    case .accepted, .confirmed: "checked"
    case .archived: EventKind.feedEmpty.rawValue
    case .duplicate: EventKind.dropDuplicate.rawValue
    case .held: EventKind.dropHeld.rawValue
    case .quarantined: EventKind.dropQuarantined.rawValue
    }
  }

  /// Where it goes, for people.
  var fate: String {
    switch self {
    case .accepted: "handed over, as the feed's rule says"
    case .archived, .confirmed: "archived"
    case .duplicate: "archived: the same content was handed over before"
    case .held: "held"
    case .quarantined: "quarantined"
    }
  }

  /// For the journal's `NAVETTE_REASON`.
  var code: String { reasons.first?.code.rawValue ?? outcome.rawValue }

  /// One line for people.
  var summary: String {
    func all(_ reasons: [Reason]) -> String {
      guard let first = reasons.first else { return "no reason" }
      let row = first.row.map { row in " (row \(row)\(first.line.map { ", line \($0)" } ?? ""))" } ?? ""
      let isOfSet = [.incomplete, .sizeMismatch, .manifestUnreadable].contains(first.code)
      let part = isOfSet ? first.part.map { "\($0.masked): " } ?? "" : ""
      return part + first.message + row + (reasons.count > 1 ? ", and \(reasons.count - 1) more" : "")
    }
    switch self {
    case .accepted: return "passed its checks"
    case .archived(let reason): return "archived: \(reason.message)"
    case .confirmed: return "a manifest alone: its files were taken before it came, or wait for none"
    case .duplicate(let twin): return "archived: the same content as drop \(twin)"
    case .held(let reasons): return "held: \(all(reasons))"
    case .quarantined(let reasons): return "quarantined: \(all(reasons))"
    }
  }
}
