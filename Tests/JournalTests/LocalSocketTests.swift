import Core
import Foundation
import Glibc
import Journal
import Testing
import Threads

/// A real socket that messages arrive at, by a path or an abstract name.
private final class Listener {
  let name: String
  private let descriptor: Int32

  init(abstract: Bool = false) {
    name = (abstract ? "@" : "/tmp/") + "navette-\(UUID().uuidString)"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: name.utf8)
      if abstract { $0[0] = 0 }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    precondition(bound == 0)
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit {
    close(descriptor)
    unlink(name)
  }

  /// The next message; the content of the file, where one came instead.
  func message() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var control = [UInt8](repeating: 0, count: 64)
    let count = buffer.withUnsafeMutableBytes { bytes in
      control.withUnsafeMutableBytes { room in
        var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return withUnsafeMutablePointer(to: &part) { part in
          var header = msghdr()
          header.msg_iov = part
          header.msg_iovlen = 1
          header.msg_control = room.baseAddress
          header.msg_controllen = room.count
          return recvmsg(descriptor, &header, 0)
        }
      }
    }
    guard count == 0 else { return Array(buffer[..<max(0, count)]) }
    // A control message's head has 16 bytes, then comes the descriptor.
    let file = control.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: Int32.self) }
    defer { close(file) }
    return Array(FileManager.default.contents(atPath: "/proc/self/fd/\(file)") ?? Data())
  }

  var text: String { String(decoding: message(), as: UTF8.self) }
}

private final class Heard: EventSink {
  let events = Locked<[Event]>([])
  func record(_ event: Event) { events.withLock { $0.append(event) } }
}

@Suite("What the service manager and the journal get")
struct LocalSocketTests {
  @Test(arguments: [false, true]) func theManagerGetsOneMessageForEachCall(_ abstract: Bool) throws {
    let listener = Listener(abstract: abstract)
    let notify = try #require(Notify(listener.name))
    notify.send([.ready, .status("inbound: idle\nREADY=0")])
    #expect(listener.text == "READY=1\nSTATUS=inbound: idle\\nREADY=0")
    notify.send([.reloading(at: .milliseconds(1_500))])
    #expect(listener.text == "RELOADING=1\nMONOTONIC_USEC=1500000")
    notify.send([.extend(.seconds(60)), .watchdog, .stopping])
    #expect(listener.text == "EXTEND_TIMEOUT_USEC=60000000\nWATCHDOG=1\nSTOPPING=1")
    notify.send([.status("reads /srv/jane.doe@example.com.csv")])
    #expect(!listener.text.contains("jane"))
  }

  @Test func whereNobodyListensNothingHappens() throws {
    #expect(Notify(nil) == nil && Notify("") == nil && Notify("relative") == nil && Notify("@") == nil)
    try #require(Notify("/nowhere/socket")).send([.ready])
    try #require(Notify("/" + String(repeating: "x", count: 200))).send([.ready])
  }

  @Test func anEntryHasItsIdentifierAndFields() {
    let listener = Listener()
    let heard = Heard()
    let sink = JournalSink(path: listener.name, fallback: heard)
    sink.record(.batchConfirmed, "The store holds the batch", [.batch: "opens-000042", .bytes: "12"])
    #expect(
      listener.text.split(separator: "\n") == [
        "MESSAGE=The store holds the batch", "PRIORITY=5", "MESSAGE_ID=a031aa952cc0427d92eb70fa45800cb1",
        "SYSLOG_IDENTIFIER=navette", "NAVETTE_EVENT=batch_confirmed", "NAVETTE_BATCH=opens-000042", "NAVETTE_BYTES=12",
      ])
    #expect(heard.events.withLock { $0 }.isEmpty)
  }

  @Test func aValueCannotPoseAsAField() {
    let listener = Listener()
    JournalSink(path: listener.name, fallback: Heard()).record(.dropSeen, "a\nPRIORITY=0", [.path: "x\nPRIORITY=0"])
    let bytes = listener.message()
    let expected = Array("NAVETTE_PATH\n".utf8) + [12, 0, 0, 0, 0, 0, 0, 0] + Array("x\nPRIORITY=0\n".utf8)
    #expect(Array(bytes.suffix(expected.count)) == expected)
    #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("MESSAGE=a\\nPRIORITY=0\n"))
  }

  @Test func aLargeEntryGoesAsAFile() {
    let listener = Listener()
    let large = String(repeating: "x", count: 900_000)
    JournalSink(path: listener.name, fallback: Heard()).record(.configRefused, "No", [.reason: large])
    let text = listener.text
    #expect(text.count > 900_000 && text.contains("NAVETTE_EVENT=config_refused\n"))
  }

  @Test func withoutAJournalTheFallbackGetsIt() {
    let heard = Heard()
    JournalSink(path: "/nowhere/socket", fallback: heard).record(.agentStarted, "Ready")
    #expect(heard.events.withLock { $0 }.map(\.kind) == [.agentStarted])
  }
}
