import Core

/// What one object has cost so far, and when it is tried again. Nothing of it outlives the process.
struct ObjectRest: Sendable {
  /// Fruitless, in a row.
  var attempts = 0
  /// Uptime.
  var until: Duration = .zero
  var fault: String
  var isTold = false
  /// How often the store had answered when it last failed to for this object: if it has answered others since, the object is to blame.
  var doubt: Int?

  /// - Parameter pause: the first; doubled with each attempt, to the longest.
  mutating func wait(_ fault: String, _ pause: Duration, longest: Duration, at uptime: Duration) {
    attempts = min(attempts + 1, 30)
    self.fault = fault
    until = uptime + min(.milliseconds(max(pause.milliseconds, 500) *| (1 << Int64(attempts - 1))), longest)
  }

  /// The same without doubling: for what costs nothing to ask.
  mutating func wait(_ fault: String, _ pause: Duration, at uptime: Duration) {
    self.fault = fault
    until = uptime + pause
  }
}

/// An object that could not be fetched. While it rests, the others of its feed go on.
struct HeldObject: Sendable {
  var candidate: PullCandidate
  var rest: ObjectRest
  /// Else it is among the wanted.
  var isResting = false
  /// By the list under way.
  var isListed = true
}

// Objects that stop only themselves.
extension PullState {
  /// Takes it out of the wanted. False where so many are held that the feed itself must wait.
  mutating func hold(_ candidate: PullCandidate, _ change: (inout ObjectRest) -> Void) -> Bool {
    let key = candidate.source.key
    wanted.removeAll { $0.candidate == candidate }
    guard held[key] != nil || held.count < Limits.pullHeld else { return false }
    var object = held[key] ?? HeldObject(candidate: candidate, rest: ObjectRest(fault: ""))
    object.candidate = candidate
    change(&object.rest)
    object.isResting = true
    held[key] = object
    return true
  }

  /// What a page of the list brings that does not rest. A version that is new is wanted at once.
  mutating func notResting(_ candidates: [PullCandidate]) -> [PullCandidate] {
    candidates.filter { candidate in
      let key = candidate.source.key
      guard held[key] != nil else { return true }
      held[key]?.isListed = true
      if isResting(candidate.source) { return false }
      held[key]?.isResting = false
      return true
    }
  }

  func isResting(_ source: DropPart.Origin) -> Bool {
    held[source.key].map { $0.isResting && $0.candidate.source.isSame(as: source) } ?? false
  }

  /// Whoever is due is wanted again, behind the others. - Returns: uptime of the next.
  mutating func wake(at uptime: Duration) -> Duration? {
    let resting = held.filter(\.value.isResting)
    let room = max(0, Limits.pullWindow - wanted.count)
    let due = resting.filter { $0.value.rest.until <= uptime }.sorted { $0.value.rest.until < $1.value.rest.until }
    for (key, object) in due.prefix(room) {
      held[key]?.isResting = false
      wanted.append(Wanted(candidate: object.candidate))
    }
    return resting.lazy.map(\.value.rest.until).filter { $0 > uptime }.min()
  }

  /// What rests and is in the store no more is forgotten.
  mutating func forgetUnlisted() { held = held.filter { $0.value.isListed || !$0.value.isResting } }

  /// For `status`: of one of those that were told.
  var heldFault: String? {
    let first = held.filter(\.value.rest.isTold).min { $0.key < $1.key }
    return first.map { "\(FileName($0.key).maskedShort): \($0.value.rest.fault)" }
      ?? undeleted.filter(\.value.isTold).min { $0.key < $1.key }
      .map { "\(FileName($0.key).maskedShort): \($0.value.fault)" }
      ?? barred.min { $0.key < $1.key }.map { "\(FileName($0.key).maskedShort): \($0.value)" }
  }
}

extension FileName {
  /// For people: keys of others may be longer than anybody reads.
  var maskedShort: String {
    let text = masked
    return text.utf8.count <= Limits.nameBytes
      ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(100))) + "… (\(counted(bytes.count, "byte")))"
  }
}
