import Core
import SystemPackage

extension Settings {
  /// Reads the whole tree; `machine` is the host's own name, made safe. What has errors is reported and left out.
  init(_ root: Section, machine: String) {
    self.init()
    root.read("state", .path("the state folder"), into: &state)
    host = root.read("host", .hostName) ?? ""
    if host.isEmpty { host = machine }
    root.each("stores", quiet: true) { (name: StoreName, section) in
      root.spot.walk.storeNames.insert(name.text)
      if let store = StoreSettings(name, section) { stores.append(store) }
    }
    root.each("feeds") { (name: FeedName, section) in
      if let feed = FeedSettings(name, section) { feeds.append(feed) }
    }
    root.each("streams") { (name: StreamName, section) in
      if let stream = StreamSettings(name, section) { streams.append(stream) }
    }
    for index in streams.indices where isForAEP(streams[index]) {
      streams[index].isForAEP = true
      if !streams[index].isSanitizeStated { streams[index].headerSanitize = true }
    }
    if let section = root.section("metrics") { metrics = MetricsSettings(section) }
    if let section = root.section("limits") { limits = LimitSettings(section) }
    root.finish()
  }
}

extension Kind where T == String {
  fileprivate static var hostName: Kind<String> {
    .text("a name of up to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, or \"\"") { text in
      text.isEmpty || StoreName(text) != nil
    }
  }
}

extension MetricsSettings {
  fileprivate init(_ section: Section) {
    self.init()
    section.read("textfile", .textfile, into: &textfile)
    section.read("listen", .listen, into: &listen)
    section.finish()
  }
}

extension LimitSettings {
  fileprivate init(_ section: Section) {
    self.init()
    section.read("spool_max_bytes", .size(1...UInt64(Int64.max)), into: &spoolMaxBytes)
    section.read("min_free", .anySize, into: &minFree)
    section.read("bandwidth", .bandwidth, into: &bandwidth)
    section.read("workers", .workers, into: &workers)
    section.finish()
  }
}

extension Kind where T == Int? {
  static var workers: Kind<Int?> {
    .scalar("auto or a whole number from 1 to 64", unquoted: true) { text in
      if text == "auto" { return .some(nil) }
      guard let count = Quantities.integer(text), (1...64).contains(count) else { return nil }
      return .some(count)
    }
  }
}

extension Kind where T == FilePath? {
  /// Where the metrics are written; empty: nowhere.
  static var textfile: Kind<FilePath?> {
    .scalar("an absolute path that ends with .prom, or \"\"") { text in
      if text.isEmpty { return .some(nil) }
      guard let path = Text.absolutePath(text), path.extension == "prom" else { return nil }
      return .some(path)
    }
  }
}

extension Kind where T == MetricsSettings.Listen? {
  static var listen: Kind<MetricsSettings.Listen?> {
    // On the loopback interface alone: who asks is not asked for a password, and nothing is encrypted.
    .scalar("unix:/path, a loopback address and port such as 127.0.0.1:9464, or \"\"") { text in
      if text.isEmpty { return .some(nil) }
      if text.hasPrefix("unix:") {
        // The kernel's bound for the path of a socket is 107 bytes.
        guard text.utf8.count <= 112, let path = Text.absolutePath(String(text.dropFirst(5))) else { return nil }
        return .some(.unix(path))
      }
      guard let peer = HostPort(text[...]), peer.isAddress, let port = peer.port else { return nil }
      if peer.host == "[::1]" { return .some(.tcp(address: "::1", port: port)) }
      return peer.host.hasPrefix("127.") ? .some(.tcp(address: peer.host, port: port)) : nil
    }
  }
}

extension Kind where T == LimitSettings.Bandwidth {
  static var bandwidth: Kind<LimitSettings.Bandwidth> {
    let expected = "bytes per second such as 2MiB, 0 for no limit, or a list of {from, to, rate}"
    return Kind(expected) { node, spot in
      guard case .list(let nodes) = node.value else {
        return Kind.scalar(expected) { text in
          Quantities.size(text).map { $0 == 0 ? .unlimited : .steady($0) }
        }.read(node, spot)
      }
      var windows: [LimitSettings.Window] = []
      for (index, node) in nodes.enumerated() {
        let section = Section(node, place: node.place, spot: spot.child(index))
        let from = section.require("from", .timeOfDay)
        let to = section.require("to", .timeOfDay)
        let rate = section.require("rate", .size(1...UInt64(Int64.max)))
        section.finish()
        if let from, let to, let rate { windows.append(LimitSettings.Window(from: from, to: to, rate: rate)) }
      }
      guard windows.count == nodes.count else { return nil }
      return windows.isEmpty ? .unlimited : .windows(windows)
    }
  }
}
