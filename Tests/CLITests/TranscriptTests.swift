import Foundation
import Testing

@Suite("The program prints what the transcripts say")
struct TranscriptTests {
  @Test(arguments: try Player.names())
  func plays(_ name: String) async throws {
    let text = try String(contentsOf: Player.folder.appending(path: name), encoding: .utf8)
    let differences = try await Player.differences(Transcript(name: name, text: text))
    #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
  }
}

@Suite("The transcript player notices every difference")
struct PlayerTests {
  func differences(_ text: String, timeout: Duration = .seconds(20)) async throws -> [String] {
    try await Player.differences(Transcript(name: "t", text: text), timeout: timeout)
  }

  @Test func acceptsWhatIsAsWritten() async throws {
    let text = """
      # Output, errors and exit status.
      $ echo out; echo err >&2; exit 3
      out
      ! err
      [exit 3]

      $ cat <<END
      > one
      >
      > $ two in $DIR
      > END
      one

      \\$ two in $DIR

      $ pwd; test -x "$NAVETTE" && echo "$NAVETTE"
      $DIR
      $NAVETTE
      """
    #expect(try await differences(text) == [])
  }

  @Test(arguments: [
    "$ echo other\nout", "$ echo out >&2\nout", "$ echo out; echo more\nout", "$ echo out\nout\nmore",
    "$ echo out; exit 1\nout", "$ echo out\nout\n[exit 1]", "$ echo; echo out\nout", "$ kill -9 $$\n[exit 9]",
  ])
  func refuses(_ text: String) async throws {
    #expect(try await !differences(text).isEmpty)
  }

  @Test func saysWhereAndWhatDiffers() async throws {
    let found = try await differences("$ true\n\n$ echo found; exit 2\nwritten")
    #expect(
      found == [
        "t:3: $ echo found; exit 2", "  expected:", "    written", "    [exit 0]", "  found:", "    found",
        "    [exit 2]",
      ])
  }

  @Test func capturesAreCheckedAndGoIntoLaterCommands() async throws {
    let good = "$ echo pid 12 at 2026-03-12T06:00:00Z: 12\npid {pid} at {time}: {pid}\n\n$ echo {pid}\n12"
    #expect(try await differences(good) == [])
    #expect(try await !differences("$ echo 12 13\n{pid} {pid}").isEmpty)
    #expect(try await !differences("$ echo twelve\n{pid}").isEmpty)
    #expect(try await !differences("$ echo yesterday\n{time}").isEmpty)
  }

  @Test func ellipsesMatchWithinALineOrWholeLines() async throws {
    #expect(try await differences("$ printf 'a 1 b\\nx\\ny\\nend\\n'\na … b\n…\nend") == [])
    #expect(try await differences("$ echo end\n…\nend") == [])
    #expect(try await !differences("$ echo a 1 c\na … b").isEmpty)
  }

  @Test func jsonNeedsNoEscapes() async throws {
    #expect(
      try await differences(
        #"$ echo '{"schema":1,"pid":77,"feeds":{}}'"# + "\n" + #"{"schema":1,"pid":{pid},"feeds":{}}"#) == [])
  }

  @Test func aProgramThatHangsIsKilledWithItsChildren() async throws {
    let found = try await differences("$ sleep 600 & sleep 600", timeout: .milliseconds(300))
    #expect(found.contains("  was killed: it took too long"))
  }

  @Test func whatRunsInTheBackgroundDoesNotHoldUpTheNext() async throws {
    #expect(try await differences("$ sleep 600 & echo $!\n{pid}\n\n$ kill -0 {pid} && echo alive\nalive") == [])
  }

  @Test(arguments: ["out", "$ true\n[exit x]", "$ echo a\na\n> b", "$ true\n[exit 0]\nmore", "# only remarks"])
  func aMalformedTranscriptIsRefused(_ text: String) {
    #expect(throws: Transcript.Malformed.self) { try Transcript(name: "t", text: text) }
  }
}
