import Foundation
import Glibc
import TestKit
import Testing

/// A service manager's ear, as far as these tests need one.
private final class Manager {
  let path: String
  private let descriptor: Int32

  init(_ site: Site) {
    path = site.path("notify")
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(bound == 0)
  }

  deinit { close(descriptor) }

  private(set) var heard: [String] = []

  func listen() -> [String] {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return heard }
      heard += String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
    }
  }

  func times(_ line: String) -> Int { listen().filter { $0 == line }.count }
}

@Suite("An agent that a service manager runs", .serialized)
struct NoticeTests {
  @Test func saysHowItStands() async throws {
    // A store that nobody answers for: readiness does not wait for it.
    let site = try Site(
      Site.settings(
        store: """
          url: s3://bucket/prefix, region: x, endpoint: "http://127.0.0.1:9", access_key_id: A, secret_access_key: B
          """))
    try site.append("log/a.csv", "id\n1\n")
    let manager = Manager(site)
    let agent = try await site.agent(as: ["/usr/bin/env", "NOTIFY_SOCKET=\(manager.path)"])
    try await eventually("it is ready") { manager.times("READY=1") == 1 }
    #expect(manager.heard.contains { $0.hasPrefix("STATUS=inbound: 1 feed") && $0.contains("outbound: 1 stream") })
    try await eventually("the batch that waits is told of") {
      manager.listen().contains { $0.contains("1 batch to be confirmed") }
    }
    agent.signal(SIGHUP)
    try await eventually("it has reloaded") { manager.times("READY=1") == 2 }
    #expect(manager.times("RELOADING=1") == 1)
    #expect(manager.heard.contains { $0.hasPrefix("MONOTONIC_USEC=") })
    try site.configure("feeds: [")
    agent.signal(SIGHUP)
    try await eventually("it has refused") { manager.times("READY=1") == 3 }
    #expect(manager.times("RELOADING=1") == 2)
    #expect(manager.times("WATCHDOG=1") == 0)
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
    #expect(manager.times("STOPPING=1") == 1)
  }

  @Test(arguments: ["feed audiences", "stream opens"]) func aHungLaneStopsThePings(_ lane: String) async throws {
    let site = try Site()
    let manager = Manager(site)
    try site.makeFolder("hang")
    let agent = try await site.agent(
      as: [
        "/usr/bin/env", "NOTIFY_SOCKET=\(manager.path)", "WATCHDOG_USEC=1000000",
      ] + Shim.hanging(site.path("hang")))
    try await eventually("it is ready") { manager.times("READY=1") == 1 }
    let before = manager.times("WATCHDOG=1")
    // Idle lanes are asked for a pass.
    try await eventually("it is fed") { manager.times("WATCHDOG=1") - before >= 6 }
    try site.write("hang/\(lane)", "")
    var stuck = 0
    try await eventually("the pings stop") {
      stuck = manager.times("WATCHDOG=1")
      // Twice the time in which one must come.
      try await Task.sleep(for: .seconds(2))
      return manager.times("WATCHDOG=1") == stuck
    }
    try FileManager.default.removeItem(atPath: site.path("hang/\(lane)"))
    try await eventually("it is fed again") { manager.times("WATCHDOG=1") > stuck }
    agent.signal(SIGTERM)
    #expect(try await agent.ended(within: .seconds(20)) == 0)
  }
}
