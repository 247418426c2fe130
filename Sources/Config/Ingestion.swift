import Core

// What Adobe Experience Platform, or whoever else takes batches in, is to be spared.
extension Settings {
  /// Whether AEP ingests what the stream sends to one of its stores.
  public func isForAEP(_ stream: StreamSettings) -> Bool { stream.stores.contains { store($0)?.isForAEP == true } }

  /// What becomes of a batch under another header; nil: nothing.
  public func schemaRule(of stream: StreamSettings) -> StreamSettings.SchemaRule? {
    stream.schema ?? (isForAEP(stream) ? .hold : nil)
  }

  /// How old records may grow before they are sent: `batch.max_age`, or longer where a store's budget asks for that.
  public func age(of stream: StreamSettings) -> Duration { longestAge(of: stream)?.age ?? stream.batch.maxAge }

  /// The store whose budget lengthens the stream's age; nil: none does.
  public func lengthening(of stream: StreamSettings) -> (age: Duration, store: StoreSettings)? {
    longestAge(of: stream).flatMap { $0.age > stream.batch.maxAge ? $0 : nil }
  }

  /// For people; nil: no budget changes anything.
  public func budgetWords(of stream: StreamSettings) -> String? {
    guard let (age, store) = lengthening(of: stream), let most = store.objectsPerDay else { return nil }
    let minutes = Duration.seconds((age.components.seconds + 59) / 60 * 60)
    return
      "batches wait for \(Quantities.text(minutes)) instead of \(Quantities.text(stream.batch.maxAge)): store \(store.name) has a budget of \(counted(most, "object")) a day"
  }

  private func longestAge(of stream: StreamSettings) -> (age: Duration, store: StoreSettings)? {
    guard IngestionBudget.counts(stream), stream.schedule.isEmpty else { return nil }
    return stream.stores.compactMap { store($0) }
      .compactMap { store in IngestionBudget(of: store, self)?.age(of: stream).map { ($0, store) } }
      .max { $0.0 < $1.0 }
  }
}

/// `budget` of one store: ages of all streams that go there grow by one factor, until they make no more objects a day than it allows.
/// Streams that state a dataflow are left out, for AEP counts its runs and not their objects. A schedule makes what it makes.
struct IngestionBudget {
  let perDay: Int
  /// Objects of schedules.
  let fixed: Int
  /// Objects a day that the ages would make as they are.
  private let aged: Double

  static func counts(_ stream: StreamSettings) -> Bool { stream.dataflowEvery == nil }

  /// Nil where the store has none.
  init?(of store: StoreSettings, _ settings: Settings) {
    guard let perDay = store.objectsPerDay else { return nil }
    self.perDay = perDay
    let streams = settings.streams.filter { $0.stores.contains(store.name) && Self.counts($0) }
    fixed = streams.reduce(0) { $0 + $1.schedule.count }
    aged = streams.filter(\.schedule.isEmpty).reduce(0) { $0 + Self.day / Self.seconds($1.batch.maxAge) }
  }

  private static let day = 86_400.0
  private static func seconds(_ age: Duration) -> Double { max(Double(age.milliseconds), 1) / 1_000 }

  /// Whether schedules leave nothing for the others.
  var isSpent: Bool { fixed > perDay || fixed == perDay && aged > 0 }

  /// Nil where nothing is left.
  func age(of stream: StreamSettings) -> Duration? {
    guard !isSpent else { return nil }
    let factor = aged / Double(perDay - fixed)
    guard factor > 1 else { return stream.batch.maxAge }
    let milliseconds = (Double(stream.batch.maxAge.milliseconds) * factor).rounded(.up)
    return .milliseconds(Int64(min(milliseconds, Double(Limits.longestKeep.milliseconds))))
  }
}

extension Consistency {
  /// What an object is, its name says: AEP goes by it, and so do people.
  func checkEncrypting() {
    for stream in settings.streams {
      let isSaid = StreamSettings.Encrypt.isSaid(by: stream.key)
      if stream.encrypt != nil, !isSaid {
        report(
          "streams.\(stream.name).key", "objects are encrypted, and their names do not say so",
          "End the key in .csv.gpg, or leave it out")
      } else if stream.encrypt == nil, isSaid {
        report(
          "streams.\(stream.name).key", "the names say that objects are encrypted, and they are not",
          "Set encrypt: { key: … }, or end the key in .csv.gz")
      }
    }
  }

  func checkIngestion() {
    for stream in settings.streams where stream.dataflowEvery != nil && !settings.isForAEP(stream) {
      // A store that is not there has its own line.
      guard stream.stores.allSatisfy({ settings.store($0) != nil }) else { continue }
      report(
        "streams.\(stream.name).dataflow", "none of its stores is for: aep, so no dataflow is known to read them",
        "Set for: aep at the store, or leave this out")
    }
    for stream in settings.streams where stream.encrypt != nil && settings.isForAEP(stream) {
      guard stream.batch.maxBytes > Limits.encryptedBytes else { continue }
      report(
        "streams.\(stream.name).batch.max_bytes", "AEP takes encrypted files of at most 1 GB",
        "Allow at most 990MB")
    }
    for store in settings.stores {
      guard let budget = IngestionBudget(of: store, settings), budget.isSpent else { continue }
      report(
        "stores.\(store.name).budget.per_day",
        "the schedules of its streams alone make \(counted(budget.fixed, "object")) a day, which leaves nothing for the others",
        "Allow more, or fewer times in streams.NAME.schedule")
    }
  }
}
