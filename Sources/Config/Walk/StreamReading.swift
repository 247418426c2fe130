import Core

extension StreamSettings {
  /// Nil where the logs or the store are missing or wrong, which was reported.
  init?(_ name: StreamName, _ section: Section) {
    let logs = section.require("logs", .list(.logGlob, atLeast: 1))
    let stores = section.require("store", .stores)
    self.init(name: name, logs: logs ?? [], stores: stores ?? [])
    section.read("rotation", .word, into: &rotation)
    section.read("olddir", .list(.path("a folder")), into: &olddir)
    section.read("start", .word, into: &start)
    section.read("reopen", .command, into: &reopen)
    if let header = section.section("header") {
      header.read("from", .header, into: &self.header)
      header.read("sanitize", .flag, into: &headerSanitize)
      header.read("rename", .texts("a map from old to new names of columns"), into: &headerRename)
      header.finish()
    }
    section.read("record", .word, into: &record)
    section.read("encoding", .word, into: &encoding)
    if let rows = section.section("rows") { self.rows.read(rows) }
    if let rejects = section.section("rejects") { rows.rejects = FeedSettings.Rejects(rejects) }
    if let shape = section.section("shape") { rows.shape = ShapeRules(shape) }
    if let batch = section.section("batch") { self.batch = Batch(batch) }
    section.read("schedule", .list(.timeOfDay), into: &schedule)
    section.read("timezone", .timezone, into: &timezone)
    section.read("partition_by", .text("the name of a column, or \"\"", empty: true), into: &partitionBy)
    if let compression = section.section("compression") {
      compression.read("level", .count(1...9), into: &compressionLevel)
      compression.finish()
    }
    encrypt = section.section("encrypt").flatMap { Encrypt($0) }
    if let encrypt { key = Self.defaultKey(encrypt.compress == .gzip ? .gzGpg : .gpg) }
    section.read("key", .keyTemplate, into: &key)
    section.read("manifest", .keyPrefix, into: &manifest)
    section.read("after", .word, into: &after)
    if let archive = section.section("archive") {
      archive.read("keep", .keep, into: &archiveKeep)
      archive.finish()
    }
    if let delivered = section.section("delivered") {
      delivered.read("keep", .keep, into: &deliveredKeep)
      delivered.finish()
    }
    readIngestion(section)
    section.finish()
    guard logs != nil, stores != nil else { return nil }
  }
}

extension StreamSettings {
  /// What Adobe Experience Platform does with the batches.
  private mutating func readIngestion(_ section: Section) {
    section.read("schema", .word, into: &schema)
    guard let dataflow = section.section("dataflow") else { return }
    // AEP's own bounds: no run comes sooner than 15 minutes after another.
    dataflowEvery = dataflow.require("every", .time(from: .seconds(900), to: .seconds(31 * 86_400)))
    dataflow.finish()
  }
}

extension StreamSettings.Encrypt {
  fileprivate init?(_ section: Section) {
    let key = section.require("key", .secret)
    let compress = section.read("compress", Kind<Compress>.word)
    section.finish()
    guard let key else { return nil }
    self.init(key: key)
    self.compress = compress ?? .none
  }
}

extension StreamSettings.Batch {
  fileprivate init(_ section: Section) {
    self.init()
    section.read("max_bytes", .size(1...(1 << 40)), into: &maxBytes)
    section.read("max_age", .time(from: .milliseconds(1), to: .seconds(365 * 86_400)), into: &maxAge)
    section.read("max_rows", .count(0...Int.max), into: &maxRows)
    section.read("max_record", .buffer(1...(256 << 20)), into: &maxRecord)
    section.finish()
  }
}

extension Kind where T == [StoreName] {
  /// One name or a list of them.
  fileprivate static var stores: Kind<[StoreName]> {
    Kind("the name of a store, or a list of names") { node, spot in
      if case .list = node.value { return Kind.list(.storeName, atLeast: 1).read(node, spot) }
      return Kind<StoreName>.scalar("the name of a store, or a list of names") { StoreName($0) }
        .read(node, spot).map { [$0] }
    }
  }
}

extension Kind where T == [String] {
  /// A program and its arguments; empty: nothing is run.
  fileprivate static var command: Kind<[String]> {
    let expected = "a list: a program by its absolute path, and its arguments"
    return Kind(expected) { node, spot in
      guard case .list(let nodes) = node.value else {
        spot.refuse(node, expected: expected)
        return nil
      }
      var words: [String] = []
      for (index, node) in nodes.enumerated() {
        let kind =
          index == 0
          ? Kind<String>.text("a program by its absolute path") { Text.absolutePath($0) != nil }
          : Kind<String>.text(empty: true)
        if let word = kind.read(node, spot.child(index)) { words.append(word) }
      }
      return words.count == nodes.count ? words : nil
    }
  }
}

extension Kind where T == StreamSettings.Header {
  fileprivate static var header: Kind<StreamSettings.Header> {
    let expected = "first_line, none, or a list of names of columns"
    return Kind(expected) { node, spot in
      if case .list = node.value {
        return Kind<[String]>.list(.text("the name of a column"), atLeast: 1).read(node, spot).map { .columns($0) }
      }
      let words: [String: StreamSettings.Header] = ["first_line": .firstLine, "none": .none]
      return Kind.scalar(expected, words: ["first_line", "none"]) { words[$0] }.read(node, spot)
    }
  }
}
