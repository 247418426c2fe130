import Core
import Store
import SystemPackage

/// What several settings must be together. Pure: nothing on the disk is looked at.
struct Consistency {
  let settings: Settings
  let walk: Walk

  static func check(_ settings: Settings, _ walk: Walk) {
    let check = Consistency(settings: settings, walk: walk)
    check.checkFolders()
    check.checkStores()
    check.checkFeeds()
    check.checkLogs()
    check.checkKeys()
    check.checkManifests()
    check.checkProbes()
    check.checkZones()
    check.checkMetrics()
    check.checkIngestion()
    check.checkShapes()
    check.checkEncrypting()
  }

  func report(_ key: String, _ message: String, _ remedy: String? = nil) {
    walk.report(ConfigProblem(at: place(of: key), key: key, message, remedy: remedy))
  }

  /// Of the key, or of the nearest one above it that was written: a default has no place.
  private func place(of key: String) -> ConfigPlace? {
    var key = key[...]
    while true {
      if let place = walk.places[String(key)] { return place }
      guard let dot = key.lastIndex(of: ".") else { return nil }
      key = key[..<dot]
    }
  }

  private func checkFolders() {
    let folders = Folder.all(of: settings)
    for (index, second) in folders.enumerated() {
      for first in folders[..<index] {
        guard let conflict = Folder.conflict(first, second) else { continue }
        report(second.key, conflict, "Choose another folder")
      }
    }
  }

  private func checkStores() {
    func check(_ store: StoreName, _ key: String) {
      guard !walk.storeNames.contains(store.text) else { return }
      let near = KeyText.nearest(store.text, among: walk.storeNames.sorted())
      let known = walk.storeNames.sorted()
      let advice = known.isEmpty ? "Describe it under stores" : "Known: \(KeyText.choice(known, "and"))"
      report(key, "there is no store of this name", near.map { "Did you mean \($0)?" } ?? advice)
    }
    for stream in settings.streams {
      for (index, store) in stream.stores.enumerated() {
        let key = "streams.\(stream.name).store"
        check(store, walk.places["\(key)[\(index)]"] == nil ? key : "\(key)[\(index)]")
      }
    }
    for feed in settings.feeds {
      if let pull = feed.pull { check(pull.store, "feeds.\(feed.name).pull.store") }
    }
  }

  private func checkFeeds() {
    for feed in settings.feeds {
      checkRewrite(feed)
      if let expect = feed.expect, let gap = expect.leastGap, expect.grace >= gap {
        report(
          "feeds.\(feed.name).expect.grace", "two due times are \(Quantities.text(gap)) apart, so grace has to be less",
          "Choose a shorter grace, or fewer times")
      }
      if feed.format.type == .opaque, feed.rewrite != nil {
        report(
          "feeds.\(feed.name).rewrite", "opaque content is not looked into, so it cannot be rewritten",
          "Leave out rewrite, or set format.type to delimited or json")
      }
      let require = feed.require
      if require.maxRows > 0, require.maxRows < require.minRows {
        report(
          "feeds.\(feed.name).require.max_rows",
          "no file can have at least \(require.minRows) (min_rows) and at most "
            + "\(counted(require.maxRows, "row"))")
      }
      checkRows(feed)
      if require.columnsExact, require.columns.isEmpty {
        report("feeds.\(feed.name).require.columns_exact", "this needs the names of the columns", "Fill columns")
      }
    }
  }

  private func checkRows(_ feed: FeedSettings) {
    let (require, name) = (feed.require, feed.name)
    if feed.format.type == .opaque {
      for (key, isSet) in [("unique", feed.unique != nil), ("rejects", feed.rejects != nil)] where isSet {
        report("feeds.\(name).\(key)", "opaque content is not looked into, so it has no rows", "Leave it out")
      }
    }
    if feed.format.type == .json {
      let named =
        require.types.keys.sorted() + require.notNull + require.length.keys.sorted() + (feed.unique?.columns ?? [])
      for path in Set(named).sorted() where ValuePath(path) == nil {
        report(
          "feeds.\(name).format.type", "with json, values are named by paths, and “\(path)” is none",
          "Write a dot of a key as \\.")
      }
    }
    if !feed.format.header {
      let named = [
        ("require.types", !require.types.isEmpty), ("require.not_null", !require.notNull.isEmpty),
        ("require.length", !require.length.isEmpty), ("require.sample", require.sample != nil),
        ("unique", feed.unique != nil),
      ]
      for (key, isSet) in named where isSet {
        report(
          "feeds.\(name).\(key)", "columns are known by the names in the header, and format.header is false",
          "Leave it out, or ask for files with a header")
      }
    }
    if require.sample != nil, !require.columns.isEmpty {
      report(
        "feeds.\(name).require.sample", "the sample says which columns there are, and so does columns", "Choose one")
    }
    if let unique = feed.unique, unique.keep != .none, feed.rejects == nil {
      report(
        "feeds.\(name).unique.keep", "rows can only be left out where rejects says how many",
        "Set rejects: { at_most: … }, or leave keep out")
    }
    if feed.rejects != nil, feed.format.encoding != .utf8, feed.rewrite == nil {
      report(
        "feeds.\(name).rejects",
        "rows can be left out of text in UTF-8 or of what is rewritten, and format.encoding is \(feed.format.encoding.rawValue)",
        "Set rewrite")
    }
  }

  private func checkRewrite(_ feed: FeedSettings) {
    guard let rewrite = feed.rewrite else { return }
    let key = "feeds.\(feed.name).rewrite"
    if let replacement = rewrite.replacement?.unicodeScalars.first {
      let isMark = [rewrite.delimiter, rewrite.quote].contains { $0.map(UInt32.init) == replacement.value }
      if isMark { report("\(key).replacement", "the delimiter or the quote cannot stand for other characters") }
      if rewrite.encoding != .utf8, replacement.value > 127 {
        report("\(key).replacement", "expected an ASCII character where the encoding is \(rewrite.encoding.rawValue)")
      }
    }
  }

  /// One file in two streams would be sent twice, and both would rename it.
  private func checkLogs() {
    var seen: [(stream: StreamName, key: String, log: FilePath, names: NameSet)] = []
    for stream in settings.streams {
      for (index, log) in stream.logs.enumerated() {
        let key = "streams.\(stream.name).logs[\(index)]"
        let path = FilePath(log)
        let names = NameSet(Glob(path.lastComponent?.string ?? ""), rotated: stream.rotation == .follow)
        for other in seen where other.log.removingLastComponent() == path.removingLastComponent() {
          // Within a stream a log counts once, whichever pattern matches it.
          guard other.stream != stream.name || covers(other.log, path) || covers(path, other.log),
            let name = names.meeting(other.names)
          else { continue }
          report(
            key, "the same files as \(other.key), such as \(name)", "Give each log to one stream, by one pattern")
        }
        seen.append((stream.name, key, path, names))
      }
      if !stream.olddir.isEmpty, stream.rotation != .follow {
        report(
          "streams.\(stream.name).olddir",
          "logs are moved there by others, which is rotation: follow",
          "Leave it out, or choose rotation: follow")
      }
    }
  }

  private func covers(_ pattern: FilePath, _ path: FilePath) -> Bool {
    guard let glob = pattern.lastComponent?.string, let name = path.lastComponent?.string else { return false }
    return glob == name || (!Glob.isPattern(name) && Glob(glob).matches(name.utf8))
  }

  private func complaint(about key: String) -> TemplateComplaint? {
    do {
      _ = try KeyTemplate(key)
      return nil
    } catch {
      return error
    }
  }

  private func checkKeys() {
    for (index, stream) in settings.streams.enumerated() {
      let before = walk.problems.count
      let longestKey =
        settings.schemaRule(of: stream) == nil
        ? stream.key : KeyMark.marked(stream.key, by: KeyMark.text(of: String(repeating: "f", count: KeyMark.digits)))
      guard let template = try? Template<KeyTemplate.Placeholder>(longestKey) else { continue }
      let longest = template.filled { Self.longest($0, stream.name.text, settings.host) }
      for name in stream.stores {
        switch settings.store(name)?.target {
        case .s3(let s3): checkLength(longest, prefix: s3.prefix, of: stream.name, in: name)
        case .azure(let azure): checkLength(longest, prefix: azure.prefix, of: stream.name, in: name)
        case .folder, .sftp:
          guard longest.split(separator: "/").contains(where: { $0.utf8.count > Limits.nameBytes }) else { continue }
          report(
            "streams.\(stream.name).key",
            "a part of the name between slashes could be longer than the \(Limits.nameBytes) bytes that a folder takes")
        case nil: continue
        }
      }
      // What makes the names has the last word: it bounds hosts and streams, whatever they are called here.
      if walk.problems.count == before, let complaint = complaint(about: longestKey) {
        report(
          "streams.\(stream.name).key", "object names could be refused: \(complaint)", "Use fewer or shorter parts")
      }
      if template.holds(.stream) { continue }
      for other in settings.streams[..<index]
      where other.key == stream.key && !Set(other.stores).isDisjoint(with: stream.stores) {
        report(
          "streams.\(stream.name).key", "the same object names as streams.\(other.name).key, in the same store",
          "Put {stream} into both")
      }
    }
  }

  /// The longest that a placeholder can become.
  private static func longest(_ placeholder: KeyTemplate.Placeholder, _ stream: String, _ host: String) -> String {
    switch placeholder {
    case .stream: stream
    case .host: host
    case .date: "2026-03-12"
    case .utc: "20260312T060000Z"
    case .seq: "\(Int.max)"
    case .schema: String(repeating: "f", count: 16)
    }
  }

  private func checkLength(_ longest: String, prefix: String, of stream: StreamName, in store: StoreName) {
    let length = longest.utf8.count + (prefix.isEmpty ? 0 : prefix.utf8.count + 1)
    guard length > Limits.keyBytes else { return }
    report(
      "streams.\(stream).key",
      "object names could have \(counted(length, "byte")) with the prefix of \(store), and \(Limits.keyBytes) is the most"
    )
  }

  /// Whoever takes in a whole folder of batches must not find anything else in it.
  private func checkManifests() {
    for stream in settings.streams where !stream.manifest.isEmpty {
      let key = "streams.\(stream.name).manifest"
      for other in settings.streams where !Set(other.stores).isDisjoint(with: stream.stores) {
        let named = other.key.replacing("{stream}", with: other.name.text).replacing("{host}", with: settings.host)
        let folder = named.prefix { $0 != "{" }.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let path = folder.joined(separator: "/") + "/"
        if folder.isEmpty || "\(stream.manifest)/".hasPrefix(path) {
          report(
            key, "manifests would lie where the batches of streams.\(other.name) are",
            folder.isEmpty
              ? "Begin the key with a folder of its own: \"{stream}/…\"" : "Choose another prefix, such as manifests/")
          break
        }
        if path.hasPrefix("\(stream.manifest)/") {
          report(key, "the batches of streams.\(other.name) would lie among the manifests", "Choose another prefix")
          break
        }
      }
    }
  }

  private func checkShapes() {
    for stream in settings.streams {
      let key = "streams.\(stream.name)"
      if stream.encoding != .utf8, stream.rotation != .closed {
        report(
          "\(key).encoding", "what is still written is read by its bytes, and rotation is \(stream.rotation.rawValue)",
          "Set rotation: closed, or have the log written in UTF-8")
      }
      guard stream.rows.shape != nil else { continue }
      if stream.header == .none {
        report(
          "\(key).shape", "a log without a header has no columns to make others of",
          "Give the names of its columns under header.from")
      }
      if stream.record == .line {
        report("\(key).shape", "with record: line a record has no columns", "Leave out record, or the shape")
      }
      if !stream.headerRename.isEmpty {
        report("\(key).header.rename", "the shape says how columns are called", "Name them under shape.columns")
      }
    }
  }

  private func checkZones() {
    for stream in settings.streams where !stream.partitionBy.isEmpty && stream.header == .none {
      report(
        "streams.\(stream.name).partition_by", "a log without a header has no column of this name",
        "Give the names of its columns under header.from")
    }
    let shapes = settings.streams.flatMap { stream in
      (stream.rows.shape?.columns ?? []).compactMap { column -> (String, String)? in
        guard case .time(let rule) = column.value, let zone = rule.zone else { return nil }
        return ("streams.\(stream.name).shape.columns.\(column.name).zone", zone)
      }
    }
    let zones =
      settings.streams.map { ("streams.\($0.name).timezone", $0.timezone) } + shapes
      + settings.feeds.compactMap { feed in feed.expect.map { ("feeds.\(feed.name).expect.timezone", $0.timezone) } }
    for (key, name) in zones where SystemZone.named(name) == nil {
      report(
        key, "this machine knows no time zone of this name",
        "Write it as in /usr/share/zoneinfo: Europe/Paris (Debian's package is tzdata)")
    }
  }

  /// Among files that come and go it would be taken for one of them.
  private func checkMetrics() {
    var files: [(key: String, path: FilePath)] = []
    if let textfile = settings.metrics.textfile { files.append(("metrics.textfile", textfile)) }
    if case .unix(let path)? = settings.metrics.listen { files.append(("metrics.listen", path)) }
    for (key, path) in files {
      guard let folder = Folder.all(of: settings).first(where: { path.starts(with: $0.path) }) else { continue }
      report(key, "\(path) lies in the folder of \(folder.key), where it does not belong", "Choose another folder")
    }
  }
}
