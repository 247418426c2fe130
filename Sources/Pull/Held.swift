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
    until =
      uptime + min(.milliseconds(max(pause.milliseconds, Limits.pullShortest) *| (1 << Int64(attempts - 1))), longest)
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
  /// That lists have told of it since it is held, the first few.
  var versions: [DropPart.Origin]
  var rest: ObjectRest
  /// Else it is among the wanted.
  var isResting = false
  /// By the list under way.
  var isListed = true

  /// Whether it is a version of which nobody has told. Where ever others are told, they wait as one.
  mutating func isNews(_ source: DropPart.Origin) -> Bool {
    guard versions.count < Limits.pullVersions, !versions.contains(where: { $0.isSame(as: source) }) else {
      return false
    }
    versions.append(source)
    return true
  }
}

/// Objects that stop only themselves, by key.
struct HeldObjects: Sendable {
  private var objects: [String: HeldObject] = [:]

  subscript(key: String) -> ObjectRest? { objects[key]?.rest }

  /// False where so many are held that the feed itself must wait.
  mutating func hold(_ candidate: PullCandidate, _ change: (inout ObjectRest) -> Void) -> Bool {
    let key = candidate.source.key
    guard objects[key] != nil || objects.count < Limits.pullHeld else { return false }
    var object = objects[key] ?? HeldObject(candidate: candidate, versions: [], rest: ObjectRest(fault: ""))
    object.candidate = candidate
    _ = object.isNews(candidate.source)
    change(&object.rest)
    object.isResting = true
    objects[key] = object
    return true
  }

  mutating func release(_ key: String) { objects[key] = nil }

  mutating func markTold(_ key: String) { objects[key]?.rest.isTold = true }

  // MARK: Lists

  mutating func beginList() { for key in objects.keys { objects[key]?.isListed = false } }

  mutating func markListed(_ key: String) { objects[key]?.isListed = true }

  mutating func markAllListed() { for key in objects.keys { objects[key]?.isListed = true } }

  /// What a page of the list brings that does not rest. A version that is new is wanted at once.
  mutating func notResting(_ candidates: [PullCandidate]) -> [PullCandidate] {
    candidates.filter { candidate in
      let key = candidate.source.key
      guard var object = objects[key] else { return true }
      defer { objects[key] = object }
      object.isListed = true
      if object.isResting {
        let isNews = object.isNews(candidate.source)
        // What is tried when its pause is over.
        object.candidate = candidate
        if !isNews { return false }
      }
      object.isResting = false
      return true
    }
  }

  func isResting(_ source: DropPart.Origin) -> Bool {
    objects[source.key].map { $0.isResting && $0.candidate.source.isSame(as: source) } ?? false
  }

  /// What rests and is in the store no more is forgotten.
  mutating func forgetUnlisted() { objects = objects.filter { $0.value.isListed || !$0.value.isResting } }

  // MARK: Time

  var resting: Int { objects.values.count(where: \.isResting) }

  /// Uptime at which the next of them is due. Who is due already, and finds no room among the wanted, waits for that.
  func next(after uptime: Duration) -> Duration? {
    objects.values.lazy.filter(\.isResting).map(\.rest.until).filter { $0 > uptime }.min()
  }

  /// Whoever is due rests no more, the first due first.
  mutating func wake(at uptime: Duration, most: Int) -> [PullCandidate] {
    let due = objects.filter { $0.value.isResting && $0.value.rest.until <= uptime }
      .sorted { $0.value.rest.until < $1.value.rest.until }.prefix(most)
    for (key, _) in due { objects[key]?.isResting = false }
    return due.map(\.value.candidate)
  }

  /// For `status`: of one of those that were told.
  var fault: String? {
    objects.filter(\.value.rest.isTold).min { $0.key < $1.key }
      .map { "\(FileName($0.key).maskedShort): \($0.value.rest.fault)" }
  }
}

extension FileName {
  /// For people: keys of others may be longer than anybody reads.
  var maskedShort: String {
    let text = masked
    return text.utf8.count <= Limits.nameBytes
      ? text
      : String(String.UnicodeScalarView(text.unicodeScalars.prefix(Limits.shownCharacters)))
        + "… (\(counted(bytes.count, "byte")))"
  }
}
