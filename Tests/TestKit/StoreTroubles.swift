internal import Core
public import Store

/// The same place, reached by ways and servers that are in trouble. What a store cannot be brought into is nil, and not judged.
public struct StoreTroubles: Sendable {
  public typealias Way = @Sendable () async throws -> any RemoteStore

  /// Moves slowly and never stands still: longer than the store's patience with silence in all.
  public var slow: Way?
  /// Refuses, hangs up and tells half an answer, before the work or after it; and does the work now and then.
  public var stormy: Way?
  /// Does the work, and tells other digests than those of what it has.
  public var lying: Way?
  /// Takes all bytes and keeps half of them.
  public var forgetful: Way?
  /// The body of its first error ends too early; from then on it works.
  public var mumbling: Way?
  /// Bytes of the objects that are sent.
  public var size = 400_000

  public init() {}
}

/// What every store promises where things go wrong.
extension StoreConformance {
  static let inTrouble: [Promise] = [
    Promise("a slow server is waited for", { $0.slow }, { try await $0.bears(slow: $1) }),
    Promise("whatever a server in a storm says, each object arrives once", { $0.stormy }) {
      try await $0.survives(storm: $1)
    },
    Promise("a server that tells other digests is never believed", { $0.lying }, { try await $0.catches(liar: $1) }),
    Promise("half of an object is no object, whatever the server says", { $0.forgetful }) {
      try await $0.catches(forgetful: $1)
    },
    Promise("of an error that is cut short nothing is believed", { $0.mumbling }) {
      try await $0.survives(mumbling: $1)
    },
  ]

  func bears(slow: any RemoteStore) async throws {
    let (file, key) = (try file("slow", troubles.size), try key("slow.csv.gz"))
    let outcome = try await slow.create(file, at: key).outcome
    try expect(outcome == .created, "it was answered with \(outcome)")
    try await expectContent(file, at: key)
  }

  func survives(storm: any RemoteStore) async throws {
    for number in 0..<3 {
      let file = try file("storm\(number)", troubles.size + number, fill: UInt64(number))
      let key = try key("storm/\(number).csv.gz")
      try await insist(storm, file, key)
      try await expectContent(file, at: key)
    }
    try expect(try await listed("\(run)/storm/").count == 3, "there are others than the three objects")
  }

  /// As the agent does: whatever passes is tried again.
  private func insist(_ store: any RemoteStore, _ file: StoredFile, _ key: StoreKey) async throws {
    for _ in 0..<100 {
      let kind = try await fault { _ = try await store.create(file, at: key) }
      switch kind {
      case nil: return
      case .unreachable?, .throttled?: continue
      default: throw Broken(description: "a storm was answered with \(String(describing: kind))")
      }
    }
    throw Broken(description: "it never arrived")
  }

  func catches(liar: any RemoteStore) async throws {
    let (file, key) = (try file("lie", troubles.size), try key("lie.csv.gz"))
    let kind = try await fault { _ = try await liar.create(file, at: key) }
    try expect(kind == .mismatch, "a lie was answered with \(String(describing: kind))")
    // The object is right: only its digest was not.
    _ = try await store.create(file, at: key)
    try await expectContent(file, at: key)
  }

  func catches(forgetful: any RemoteStore) async throws {
    let (file, key) = (try file("half", troubles.size), try key("half/half.csv.gz"))
    let kind = try await fault { _ = try await forgetful.create(file, at: key) }
    try expect(
      [StoreKind.mismatch, .unreachable, .full].contains { $0 == kind },
      "half an object was answered with \(String(describing: kind))")
    try expect(try await store.stat(key) == nil, "half an object is seen")
    try expect(try await listed("\(run)/half/").isEmpty, "half an object is listed")
    try expect(try await store.create(file, at: key).outcome == .created, "not created")
    try await expectContent(file, at: key)
  }

  func survives(mumbling: any RemoteStore) async throws {
    let (file, key) = (try file("mumble", troubles.size), try key("mumble.csv.gz"))
    let kind = try await fault { _ = try await mumbling.create(file, at: key) }
    let isLater = if case .throttled? = kind { true } else { kind == .unreachable }
    try expect(isLater, "half an error was answered with \(String(describing: kind))")
    _ = try await mumbling.create(file, at: key)
    try await expectContent(file, at: key)
  }
}

extension StoreConformance {
  /// What the proof of a store that replaces nothing is made of.
  func contests() async throws {
    let key = try key("contest/wanted.csv")
    let files = try (0..<4).map { try file("contest-\($0)", 300, fill: UInt64(20 + $0)) }
    let told = try await withThrowingTaskGroup(of: (Int, Contest?).self) { [store] group in
      for (number, file) in files.enumerated() {
        group.addTask {
          while true {
            do throws(StoreFault) { return (number, try await store.contend(file, at: key, inParts: false)) } catch {
              guard error.kind == .unreachable else { throw error }
            }
          }
        }
      }
      return try await group.reduce(into: [Int: Contest?]()) { $0[$1.0] = $1.1 }
    }
    let winners = told.filter { $0.value == .won }.keys
    try expect(winners.count == 1, "\(winners.count) were told that it is theirs")
    for inParts in [false, true] {
      let late = try await store.contend(
        try file("late-\(inParts)", 300, fill: inParts ? 31 : 30), at: key, inParts: inParts)
      try expect(late == .lost || inParts && late == nil, "a late one was told \(String(describing: late))")
    }
    if let winner = winners.first { try await expectContent(files[winner], at: key) }
    try expect(try await listed("\(run)/contest/").map(\.key) == [key.description], "something is left beside it")
    try await store.delete(key)
  }
}
