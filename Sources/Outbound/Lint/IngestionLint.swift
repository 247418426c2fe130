import Config
import Core
import Formats
import SystemPackage

/// What a configuration sends to Adobe Experience Platform, against what AEP takes. Pure: settings and samples in, notes out.
struct IngestionLint {
  let settings: Settings
  let samples: [LogSample]
  /// Bytes that a stream has sent in a day, as text; none where nothing is known.
  let bytesPerDay: [StreamName: UInt64]

  private var streams: [StreamSettings] { settings.streams.filter { settings.isForAEP($0) } }

  func notes() -> [LintNote] {
    var notes = plain()
    for stream in settings.streams {
      let logs = samples.filter { $0.stream == stream.name }.map { LogLint(stream: stream, sample: $0) }
      for log in logs {
        notes += log.renaming()
        if settings.isForAEP(stream) { notes += log.notes() }
      }
      if settings.isForAEP(stream) { notes += oneSchema(stream, logs) }
    }
    return notes + folders() + runs()
  }

  // MARK: - What the settings alone tell

  private func plain() -> [LintNote] {
    var notes: [LintNote] = []
    for stream in settings.streams {
      let key = "streams.\(stream.name)"
      if stream.after == .archive, stream.rotation == .follow || stream.rotation == .copytruncate {
        notes.append(
          LintNote(
            "\(key).after",
            "nothing is archived with rotation: \(stream.rotation.rawValue), for the log stays with whoever rotates it. Leave it out"
          ))
      }
      if stream.header == .none, !stream.headerRename.isEmpty {
        notes.append(LintNote("\(key).header.rename", "without a header there is nothing to rename. Leave it out"))
      }
      if let words = settings.budgetWords(of: stream) { notes.append(LintNote("\(key).batch.max_age", words)) }
    }
    for stream in streams {
      let key = "streams.\(stream.name)"
      if stream.header == .none {
        notes.append(
          LintNote(
            "\(key).header.from",
            "AEP maps columns by the header, and there is none. Give the names of the columns: header: { from: [id, …] }"
          ))
      }
      if stream.encrypt?.compress == .gzip {
        notes.append(
          LintNote(
            "\(key).encrypt.compress",
            "AEP's list of encrypted files names none that is packed within. Leave it out where AEP reads them"))
      }
      if stream.encrypt == nil, !stream.key.hasSuffix(".gz") {
        notes.append(
          LintNote(
            "\(key).key",
            "objects are gzip, and their names do not say so. End the key in .csv.gz, and set gzip in the dataflow's source"
          ))
      }
      if !stream.key.contains("/") {
        notes.append(
          LintNote(
            "\(key).key",
            "objects lie in the store's own folder, and AEP reads a folder with all below it: nothing can lie beside. Begin the key with a folder: \"{stream}/…\""
          ))
      }
    }
    return notes
  }

  /// Logs of one stream with different columns: their batches do not go to one folder.
  private func oneSchema(_ stream: StreamSettings, _ logs: [LogLint]) -> [LintNote] {
    let known = logs.compactMap { log in log.columns.map { (log.sample.path, $0) } }
    guard let first = known.first, let other = known.first(where: { $0.1 != first.1 }) else { return [] }
    let what =
      settings.schemaRule(of: stream) == .hold
      ? "their batches wait in held until somebody releases them" : "their batches go to a prefix of their own"
    return [
      LintNote(
        "streams.\(stream.name).logs",
        "\(other.0) has other columns than \(first.0): \(what). Make a stream of each kind of log")
    ]
  }

  // MARK: - One schema below one folder

  private struct Ingested {
    let stream: StreamSettings
    let store: StoreSettings
    let folder: String
    /// Nil: not known.
    let columns: [String]?
  }

  private func ingested() -> [Ingested] {
    settings.streams.flatMap { stream in
      let columns = samples.filter { $0.stream == stream.name }
        .compactMap { LogLint(stream: stream, sample: $0).columns }.first
      return stream.stores.compactMap { settings.store($0) }.map { store in
        let folder = "\(store.target.place)/\(Self.folder(of: stream.key, stream, settings.host))"
        return Ingested(stream: stream, store: store, folder: folder, columns: columns)
      }
    }
  }

  /// The folders that stand before anything that changes from batch to batch; ends in a slash, or is empty.
  static func folder(of key: String, _ stream: StreamSettings, _ host: String) -> String {
    let named = key.replacing("{stream}", with: stream.name.text).replacing("{host}", with: host)
    let folders = named.split(separator: "/", omittingEmptySubsequences: false).dropLast().prefix { !$0.contains("{") }
    return folders.map { "\($0)/" }.joined()
  }

  private func folders() -> [LintNote] {
    let all = ingested()
    var notes: [LintNote] = []
    for (index, one) in all.enumerated() where one.store.isForAEP {
      for (number, other) in all.enumerated() where number != index && other.stream.name != one.stream.name {
        // Of two alike, told once.
        guard other.folder.hasPrefix(one.folder), other.folder != one.folder || number > index else { continue }
        if let note = note(one, other), !notes.contains(note) { notes.append(note) }
      }
      for other in settings.streams where !other.manifest.isEmpty {
        guard
          other.stores.compactMap({ settings.store($0) }).contains(where: {
            "\($0.target.place)/\(other.manifest)/".hasPrefix(one.folder)
          })
        else { continue }
        notes.append(
          LintNote(
            "streams.\(other.name).manifest",
            "manifests would lie below the folder that AEP ingests for streams.\(one.stream.name), and AEP takes every file there for data. Choose a prefix beside it",
            isRefusal: true))
      }
    }
    return notes
  }

  private func note(_ one: Ingested, _ other: Ingested) -> LintNote? {
    let relation = one.folder == other.folder ? "in the folder" : "below the folder"
    let place =
      "objects of streams.\(other.stream.name) lie \(relation) that AEP ingests for streams.\(one.stream.name)"
    let remedy = "Give each kind of log a folder of its own, beside the others: key: \"{stream}/…\""
    guard let ours = one.columns, let theirs = other.columns else {
      return LintNote(
        "streams.\(other.stream.name).key",
        "\(place), with all below it, and needs one schema there; their logs have not been seen yet. \(remedy)")
    }
    guard Set(ours) != Set(theirs) else { return nil }
    return LintNote(
      "streams.\(other.stream.name).key",
      "\(place), with all below it, and their columns differ: every file there must have one schema, or the run fails. \(remedy)",
      isRefusal: true)
  }

  // MARK: - Runs

  private func runs() -> [LintNote] {
    var notes: [LintNote] = []
    // Streams in one folder are read by one dataflow.
    var flows: [String: Double] = [:]
    for one in ingested() where one.store.isForAEP {
      guard let every = one.stream.dataflowEvery else { continue }
      flows[one.folder] = max(flows[one.folder] ?? 0, Self.perDay(every))
    }
    let runs = Int(flows.values.reduce(0, +).rounded(.up))
    if runs > Limits.aepBatchesPerDay {
      notes.append(
        LintNote(
          "streams",
          "their dataflows run \(runs) times a day together, each run is a batch in AEP, and \(Limits.aepBatchesPerDay) a day are what a sandbox takes well. Let some run less often, there and under dataflow"
        ))
    }
    for stream in streams {
      guard let every = stream.dataflowEvery else { continue }
      let perDay = Self.perDay(every)
      if perDay > Double(Limits.aepRunsOfDataset) {
        notes.append(
          LintNote(
            "streams.\(stream.name).dataflow.every",
            "\(Int(perDay.rounded(.up))) runs a day make as many batches in one dataset, and dozens of them slow down what reads it. An interval of an hour or more serves better"
          ))
      }
      guard let bytes = bytesPerDay[stream.name], perDay > 1 else { continue }
      let perRun = UInt64(Double(bytes) / perDay)
      if bytes > 0, perRun < Limits.aepBatchBytes {
        notes.append(
          LintNote(
            "streams.\(stream.name).dataflow.every",
            "one run takes about \(max(perRun >> 20, 1)) MiB, by what was sent in the last days, and AEP advises 256 MB at least. Fewer runs serve better, as far as the data may be late"
          ))
      }
    }
    let silent = streams.filter { $0.dataflowEvery == nil }
    if !silent.isEmpty, silent.count < streams.count {
      notes.append(
        LintNote(
          "streams",
          "how often AEP reads \(silent.map(\.name.text).joined(separator: ", ")) is not stated, so those runs are not added up. Set dataflow: { every: … }"
        ))
    }
    return notes
  }

  private static func perDay(_ every: Duration) -> Double { 86_400_000 / Double(max(every.milliseconds, 1)) }
}

extension StoreSettings.Target {
  /// Where objects lie, so that two names of one place are one.
  fileprivate var place: String {
    func joined(_ parts: String...) -> String { parts.filter { !$0.isEmpty }.joined(separator: "/") }
    return switch self {
    case .folder(let folder): folder.string
    case .s3(let s3): joined(s3.endpoint ?? "s3:", s3.bucket, s3.prefix)
    case .azure(let azure): joined(azure.endpoint ?? "azblob:", azure.account, azure.container, azure.prefix)
    case .sftp(let sftp): "sftp://\(sftp.host):\(sftp.port)\(sftp.folder)"
    }
  }
}
