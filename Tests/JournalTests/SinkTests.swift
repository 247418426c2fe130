import Core
import Foundation
import Glibc
import Journal
import Testing
import Threads

/// A real descriptor to write to, and what arrived there.
private final class Capture {
  let path = "/tmp/navette-journal-\(UUID().uuidString)"
  let descriptor: Int32
  init() { descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
  deinit {
    close(descriptor)
    unlink(path)
  }
  var writer: LineWriter { LineWriter(descriptor: descriptor) }
  var lines: [String] {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
  }
}

private let noon: @Sendable () -> Timestamp = { Timestamp(seconds: 1_773_316_800) }

private let confirmed = Event(
  .batchConfirmed, "The store holds the batch",
  [.batch: "opens-000042", .stream: "opens", .key: "opens/dt=2026-03-12/a b.csv.gz", .bytes: "12"])

@Suite("Events leave as whole, safe lines")
struct SinkTests {
  @Test func aTextLineReadsAndGreps() {
    let capture = Capture()
    TextSink(capture.writer, style: .timed, now: noon).record(confirmed)
    #expect(
      capture.lines == [
        "2026-03-12T12:00:00Z notice batch_confirmed stream=opens batch=opens-000042 "
          + "key=\"opens/dt=2026-03-12/a b.csv.gz\" bytes=12: The store holds the batch"
      ])
  }

  @Test func underSystemdTheLineBeginsWithItsLevel() {
    let capture = Capture()
    TextSink(capture.writer, style: .journal, now: noon).record(.agentStarted, "Ready")
    #expect(capture.lines == ["<5> agent_started: Ready"])
  }

  @Test func aNameCannotForgeALine() throws {
    let evil = "x\n2026-01-01T00:00:00Z error spool_full: \u{1b}[2J\u{202e}\r\u{2028}\"\\"
    let capture = Capture()
    TextSink(capture.writer, style: .timed, now: noon).record(.dropSeen, "Took " + evil, [.path: evil])
    JSONSink(capture.writer, now: noon).record(.dropSeen, "Took " + evil, [.path: evil])
    #expect(capture.lines.count == 2)
    for line in capture.lines {
      #expect(!line.unicodeScalars.contains { $0.value < 32 || [0x202e, 0x2028].contains($0.value) })
    }
    #expect(capture.lines[0].hasPrefix(#"2026-03-12T12:00:00Z notice drop_seen path="x\n2026-01-01T00:00:00Z error"#))
    let object = try #require(JSONSerialization.jsonObject(with: Data(capture.lines[1].utf8)) as? [String: Any])
    #expect(object["NAVETTE_PATH"] as? String == evil)
    #expect(object["MESSAGE"] as? String == "Took " + evil)
  }

  @Test func aJSONLineHoldsTheJournalsNames() throws {
    let capture = Capture()
    JSONSink(capture.writer, now: noon).record(confirmed)
    let object = try #require(JSONSerialization.jsonObject(with: Data(capture.lines[0].utf8)) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "schema", "timestamp", "PRIORITY", "MESSAGE", "MESSAGE_ID", "NAVETTE_EVENT", "NAVETTE_BATCH", "NAVETTE_STREAM",
        "NAVETTE_KEY", "NAVETTE_BYTES",
      ])
    #expect(object["timestamp"] as? String == "2026-03-12T12:00:00.000Z")
    #expect(object["PRIORITY"] as? Int == 5)
    #expect(object["NAVETTE_BYTES"] as? Int == 12)
    #expect(object["MESSAGE_ID"] as? String == EventKind.batchConfirmed.messageID)
  }

  @Test func anAddressIsMaskedWhereverItStands() {
    let capture = Capture()
    for sink in [TextSink(capture.writer, style: .timed, now: noon), JSONSink(capture.writer, now: noon)]
      as [any EventSink]
    {
      sink.record(
        .dropSeen, "Took /srv/in/jane.doe@example.com.csv, sent by <jane.doe@example.com>",
        [.path: "/srv/in/jane doe, jane.doe@example.com.csv", .reason: "mailto:jane.doe@example.com"])
    }
    #expect(capture.lines.count == 2)
    for line in capture.lines { #expect(!line.contains("jane") && !line.contains("example")) }
    #expect(capture.lines[0].contains("/srv/in/‹masked, 34 bytes›.csv"))
    #expect(Privacy.masked("/srv/in/plain name.csv: gone") == "/srv/in/plain name.csv: gone")
    // Campaign's names of columns are no addresses.
    #expect(Privacy.masked("no column “[delivery/@messageType]”") == "no column “[delivery/@messageType]”")
    #expect(Privacy.masked("no column “a@messageType”") == "no column “‹masked, 13 bytes›”")
  }

  @Test func manyThreadsNeverMixTheirLines() async {
    let capture = Capture()
    let writer = capture.writer
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          for _ in 0..<200 { writer.write(String(repeating: "\(number)", count: 500)) }
        }
      }
    }
    #expect(capture.lines.count == 1600)
    #expect(capture.lines.allSatisfy { Set($0).count == 1 && $0.count == 500 })
  }

  @Test func aReaderThatDoesNotReadCostsALineNotTheAgent() {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    defer { ends.forEach { close($0) } }
    let writer = LineWriter(descriptor: ends[1], patience: .milliseconds(20))
    for _ in 0..<4 { writer.write(String(repeating: "x", count: 30_000)) }
    func drain() -> [UInt8] {
      var all: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(ends[0], &buffer, buffer.count)
        guard count > 0 else { return all }
        all += buffer[..<count]
      }
    }
    // What a pipe holds, in the middle of a line.
    #expect((60_003..<90_000).contains(drain().count))
    writer.write("next")
    #expect(String(decoding: drain(), as: UTF8.self) == "\nnext\n")
  }

  @Test func theJournalIsKnownByDeviceAndInode() {
    let capture = Capture()
    var found = stat()
    #expect(fstat(capture.descriptor, &found) == 0)
    #expect(capture.writer.isJournal("\(found.st_dev):\(found.st_ino)"))
    #expect(!capture.writer.isJournal("\(found.st_dev):\(found.st_ino + 1)"))
    #expect(!capture.writer.isJournal(nil))
  }

  @Test func foldingTellsItsCountsThroughTheSink() {
    let capture = Capture()
    let clock = Locked(Duration.zero)
    let sink = FoldingSink(TextSink(capture.writer, style: .timed, now: noon), uptime: { clock.withLock { $0 } })
    for _ in 0..<5 { sink.record(.diskLow, "Little space", [.path: "/var/lib/navette"]) }
    clock.withLock { $0 = .seconds(60) }
    sink.expire()
    sink.record(.diskLow, "Little space", [.path: "/var/lib/navette"])
    sink.finish()
    #expect(capture.lines.count == 3)
    #expect(capture.lines[1].contains("repeats=4: Little space (4 times more in 60 s)"))
    #expect(capture.lines[2].contains("repeats=1: Little space (once more in"))
  }
}
