import Config
import Core
import Files
import Formats
import Journal
import Spool
import SystemPackage

/// Feeds and streams end to end in a folder of their own, with the embedded store, and the proof that nothing was lost or changed.
public struct Demonstration {
  private let root: FilePath
  private let keeps: Bool
  private let files = LinuxFiles()
  private let say: (String) -> Void

  /// - Parameters:
  ///   - folder: nil: a new one in the temporary folder. One that is named must be empty or missing.
  ///   - keeps: leave the folder for the reader to look at.
  public init(folder: FilePath?, keeps: Bool, say: @escaping (String) -> Void) throws {
    self.keeps = keeps
    self.say = say
    root = folder ?? FilePath("/tmp/navette-demo-\(String(UInt32.random(in: 0 ... .max), radix: 36))")
    guard root.isAbsolute else { throw Failure(.usage, "--dir takes an absolute path, not \(root)") }
    do {
      if try files.info(root) != nil, try !files.list(root).isEmpty {
        throw Failure(.usage, "Cannot use \(root): it is not empty. Name another folder")
      }
      for folder in ["landing", "import", "log", "shelf", "state"] { try files.ensureDirectory(root.appending(folder)) }
    } catch let fault as FileFault {
      throw Failure(fault)
    }
  }

  public func run() async throws -> ExitCode {
    let samples = DemoSamples()
    let half = samples.records.count / 2
    do {
      let settings = try configure()
      say("navette demo, in \(root)\n")
      try put(samples.good, "landing/\(DemoSamples.goodName)")
      try put(samples.packed, "landing/\(DemoSamples.packedName)")
      try put(samples.broken, "landing/\(DemoSamples.brokenName)")
      say("inbound: three audience files arrive in landing/: a good one, a gzipped one, one with a torn row")
      try put(log(samples.records[..<half]), "log/opens.csv")
      say("outbound: Campaign has written \(counted(half, "record")) to log/opens.csv\n")
      try await runOnce(settings)
      try put(log(samples.records[half...]), "log/opens.csv")
      say(
        "\noutbound: Campaign goes on in a new log/opens.csv with \(counted(samples.records.count - half, "record"))\n")
      try await runOnce(settings)
      say("")
      try checkInbound(samples)
      try checkOutbound(samples)
      try await verify(settings)
    } catch let fault as FileFault {
      throw Failure(fault)
    }
    if keeps {
      say(
        "\nEverything is still in \(root); look at it with\n  navette --help\n  navette status --config \(root)/navette.yaml"
      )
    } else {
      try? files.removeTree(root)
      say("\nAll of it was removed again; `navette demo --keep` leaves it to look at.")
    }
    return .done
  }

  // MARK: - Steps

  private func configure() throws -> Settings {
    let text = """
      state: \(root)/state
      stores:
        shelf: { url: "file://\(root)/shelf" }
      feeds:
        audiences:
          landing: \(root)/landing
          handover: \(root)/import
          ready: { settle: 1s }
      streams:
        opens:
          logs: ["\(root)/log/opens.csv"]
          store: shelf
      host: demo
      limits: { min_free: 1MiB }

      """
    try put(Array(text.utf8), "navette.yaml")
    return try ConfigReader.read(file: root.appending("navette.yaml"), environment: [:])
  }

  private func runOnce(_ settings: Settings) async throws {
    let sink = DemoSink(root: root.string)
    let code = try await OnceRun(settings, events: sink).run()
    for line in sink.take() { say(line) }
    guard code == .done || code == .findings else { throw Failure(code, "The agent ended with \(code.rawValue)") }
  }

  private func put(_ bytes: [UInt8], _ path: String) throws(FileFault) {
    try files.write(bytes, to: path.split(separator: "/").reduce(root) { $0.appending(String($1)) })
  }

  private func log(_ records: ArraySlice<[UInt8]>) -> [UInt8] {
    Array((DemoSamples.logHeader + "\n").utf8) + records.joined()
  }

  // MARK: - Proof

  private func checkInbound(_ samples: DemoSamples) throws {
    let handover = root.appending("import")
    let expected = [(DemoSamples.goodName, samples.good), (DemoSamples.packedName, samples.packed)]
    for (name, bytes) in expected {
      guard try files.contents(of: handover.appending(name), limit: Limits.demoBytes) == bytes else {
        throw Failure(.findings, "\(name) was changed on its way")
      }
      say("import/\(name.prefix(40))…  \(counted(bytes.count, "byte")), byte for byte what arrived")
    }
    let names = try files.list(handover)
    guard names.count == expected.count else {
      throw Failure(.findings, "The hand-over folder holds \(counted(names.count, "file"))")
    }
    let quarantine = StateFolder(root.appending("state")).feeds.appending("audiences").appending(
      DropPlace.quarantine.rawValue)
    for drop in try files.list(quarantine) {
      let reasons = try files.readPlan([Reason].self, at: quarantine.appending(drop).appending(DropPlan.reasonsName))
      let first = reasons.first
      say("quarantine/\(drop)  refused: \(first?.message ?? "?") (row \(first?.row.map(String.init) ?? "-"))")
    }
  }

  private func checkOutbound(_ samples: DemoSamples) throws {
    var sent: [UInt8] = []
    let header = Array((DemoSamples.logHeader + "\n").utf8)
    let objects = try objects(below: root.appending("shelf"))
    for object in objects {
      let text = try gunzip(object)
      guard text.starts(with: header) else { throw Failure(.findings, "\(object) does not begin with the header") }
      sent += text.dropFirst(header.count)
      let packed = try files.info(object)?.size ?? 0
      say("shelf/…/\(object.lastComponent?.string ?? "")  \(counted(packed, "byte")), \(text.count) unpacked")
    }
    guard sent == Array(samples.records.joined()) else {
      throw Failure(.findings, "The records in the store are not those of the logs")
    }
    say(
      "\(counted(samples.records.count, "record")) in \(counted(objects.count, "object")): each exactly once, in order, byte for byte"
    )
  }

  private func verify(_ settings: Settings) async throws {
    var findings = 0
    var verification = Verification()
    try await verification.run(settings, stream: nil, since: nil) { _ in findings += 1 }
    guard findings == 0 else { throw Failure(.findings, "navette verify found \(counted(findings, "difference"))") }
    say("navette verify: \(counted(verification.checked, "object")) compared with the ledger, no difference")
  }

  private func objects(below folder: FilePath) throws(FileFault) -> [FilePath] {
    var found: [FilePath] = []
    for name in try files.list(folder) {
      let path = folder.appending(name)
      if try files.info(path)?.kind == .directory { found += try objects(below: path) } else { found.append(path) }
    }
    return found
  }

  private func gunzip(_ path: FilePath) throws -> [UInt8] {
    let packed = try files.contents(of: path, limit: Limits.demoBytes)
    var text: [UInt8] = []
    var inflater = Inflater()
    do {
      try packed.withUnsafeBufferPointer { (all) throws(GzipFault) in
        try inflater.write(UnsafeRawBufferPointer(all)) { piece in
          text.append(contentsOf: piece)
          return true
        }
      }
      try inflater.finish()
    } catch {
      throw Failure(.findings, "\(path) is not whole gzip: \(error)")
    }
    return text
  }
}
