// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors in our own code; dependencies are left alone.
let swift: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let extras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// One module of ours: imports point one way, and the build refuses any other.
func module(_ name: String, _ needs: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: needs, swiftSettings: swift)
}

/// Tests alone are not optimised: the optimiser of Swift 6.3.1 aborts on one of them (pass CopyPropagation), and nothing of them ships.
func tests(_ name: String, _ needs: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: needs, exclude: exclude, resources: resources,
    swiftSettings: swift + [.unsafeFlags(["-Onone"])])
}

/// `NAVETTE_PART=plain` leaves out whatever needs libcurl or the cryptography: what the thread sanitizer runs on every change, since a
/// build of all under it takes as long as everything else (scripts/sanitize).
let isPlain = Context.environment["NAVETTE_PART"] == "plain"

// Doors to system libraries, and one to vector comparisons (CScan). Imports point one way:
// Core ← Threads, Formats ← Files, Journal, Metrics, Store ← Config ← Ledger, Spool ← Lanes ← Inbound ← Pull, Outbound ← Control ← Agent ← navette
let plain: [Target] = [
  .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
  .target(name: "CSQLite", linkerSettings: [.linkedLibrary("sqlite3")]),
  .target(name: "CMicroHTTPD", linkerSettings: [.linkedLibrary("microhttpd")]),
  .target(name: "CYaml", linkerSettings: [.linkedLibrary("yaml")]),

  module("Core", []),
  module("Threads", ["Core", "CLinux"]),
  module("Files", ["Core", "Threads", "CLinux", system]),
  module("Journal", ["Core", "Threads", "CLinux"]),
  module("Metrics", ["Core", "Threads", "CMicroHTTPD", system]),
  module("Store", ["Core", "Threads", system]),
  module("Config", ["Core", "Store", "CLinux", "CYaml", system]),
  module("Ledger", ["Core", "Threads", "CSQLite", system]),
  module("Spool", ["Core", "Files", "Journal", "Threads", system]),
  module("Lanes", ["Core", "Files", "Journal", "Spool", "Threads", system]),

  // What tests share: the simulated disk and store, the crash-point harness, the conformance suites.
  .target(
    name: "TestKit",
    dependencies: ["Core", "Files", "Journal", "Ledger", "Store", "Threads", system] + (isPlain ? [] : [crypto]),
    path: "Tests/TestKit", exclude: isPlain ? ["SimStore.swift", "StoreConformance.swift", "StoreTroubles.swift"] : [],
    swiftSettings: swift),
  tests("CoreTests", ["Core"]),
  tests("ThreadsTests", ["Core", "Threads"]),
  tests("FilesTests", ["Core", "Files", "CLinux", "TestKit", "Threads", system]),
  tests("JournalTests", ["Core", "Journal", "Threads"]),
  tests("MetricsTests", ["Core", "Metrics", "TestKit", "Threads", system]),
  tests("ConfigTests", ["Core", "Config", "TestKit", system]),
  tests("LedgerTests", ["CSQLite", "Core", "Ledger", "TestKit", system], exclude: ["Fixtures"]),
  tests("SpoolTests", ["Core", "Files", "Spool", "TestKit", system]),
  tests("LanesTests", ["Core", "Files", "Journal", "Lanes", "TestKit", "Threads", system]),
]

let rest: [Target] = [
  .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
  .target(name: "CScan"),
  .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),

  module("Formats", ["Core", "CScan", "CZlib", crypto]),
  module("Stores", ["Core", "Store", "Config", "Files", "Threads", "CCurl", "CLinux", crypto, extras, system]),
  module(
    "Inbound",
    ["CLinux", "Core", "Formats", "Files", "Journal", "Config", "Lanes", "Ledger", "Spool", "Threads", system]),
  module(
    "Pull",
    [
      "Core", "Formats", "Files", "Inbound", "Journal", "Config", "Lanes", "Ledger", "Spool", "Store", "Threads",
      system,
    ]),
  module(
    "Outbound",
    ["Core", "Formats", "Files", "Journal", "Config", "Lanes", "Ledger", "Spool", "Store", "Threads", system]),
  module(
    "Control",
    ["Core", "Files", "Inbound", "Journal", "Outbound", "Spool", "Threads", system]),
  module(
    "Agent",
    [
      "Control", "Core", "Formats", "Files", "Journal", "Metrics", "Config", "Lanes", "Ledger", "Spool", "Store",
      "Stores",
      "Inbound", "Outbound", "Pull", "Threads", "CLinux", crypto, system,
    ]),
  .executableTarget(
    name: "navette",
    dependencies: ["Agent", "Control", "Core", "Journal", "Config", "Threads", "CLinux", arguments, system],
    swiftSettings: swift),

  tests("FormatsTests", ["Core", "CScan", "Formats", "TestKit", crypto]),
  tests("StoresTests", ["CCurl", "Core", "Config", "Files", "Store", "Stores", "TestKit", "Threads", crypto, system]),
  // What the tests of Inbound and of Pull share: one feed on the real disk.
  .target(
    name: "FeedKit",
    dependencies: ["Core", "Config", "Files", "Inbound", "Journal", "Lanes", "Ledger", "Spool", "Threads", system],
    path: "Tests/FeedKit", swiftSettings: swift),
  tests(
    "InboundTests",
    [
      "Core", "Config", "FeedKit", "Files", "Formats", "Inbound", "Journal", "Lanes", "Ledger", "Spool", "TestKit",
      "Threads", system,
    ]),
  tests(
    "PullTests",
    [
      "Core", "Config", "FeedKit", "Files", "Formats", "Inbound", "Journal", "Lanes", "Ledger", "Pull", "Spool",
      "Store",
      "Stores", "TestKit", "Threads", crypto, system,
    ]),
  tests(
    "OutboundTests",
    [
      "Core", "Config", "CLinux", "Files", "Formats", "Journal", "Lanes", "Ledger", "Outbound", "Spool", "Store",
      "TestKit",
      "Threads", crypto, system,
    ]),
  tests(
    "ControlTests",
    ["Control", "Core", "Files", "Inbound", "Journal", "Outbound", "Spool", "TestKit", system]),
  tests("AgentTests", ["Agent"]),
  tests("CLITests", ["Core", "Files", "TestKit", "Threads", "navette", system], exclude: ["Transcripts"]),
  tests("HouseTests", ["Core", system]),
]

let package = Package(
  name: "navette",
  platforms: [.macOS(.v15)],
  products: isPlain ? [] : [.executable(name: "navette", targets: ["navette"])],
  dependencies: [.package(url: "https://github.com/apple/swift-system", exact: "1.8.1")]
    + (isPlain
      ? []
      : [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
      ]),
  targets: plain + (isPlain ? [] : rest),
  swiftLanguageModes: [.v6]
)
