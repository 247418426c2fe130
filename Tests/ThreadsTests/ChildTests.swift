import Core
import Glibc
import Testing
import Threads

@Suite("A program beside us")
struct ChildTests {
  /// What the script writes to its standard output; its environment is one variable.
  private func output(_ script: String, more: [Int32?] = []) throws -> (text: String, ending: Child.Ending) {
    var name = Array("/tmp/navette-child-XXXXXX".utf8CString)
    let file = mkstemp(&name)
    try #require(file >= 0)
    unlink(name)
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    defer { close(file) }
    let child = try Child(
      ["/bin/sh", "-c", script], environment: ["WORD=given"], descriptors: [nil, file, nil] + more)
    let ending = child.wait()
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = pread(file, &bytes, bytes.count, 0)
    return (String(decoding: bytes.prefix(max(0, count)), as: UTF8.self), ending)
  }

  @Test func hasItsEnvironmentAndNoOther() throws {
    setenv("NAVETTE_OURS", "x", 1)
    let found = try output("echo $WORD$NAVETTE_OURS; cat; echo lost >&2; exit 7")
    #expect(found.text == "given\n" && found.ending == .status(7))
    #expect(try Child(["/bin/sh", "-c", "[ $NAVETTE_OURS = x ]"]).wait() == .status(0))
  }

  @Test func leadsAGroupAndHasNoSignalOfOursBlockedOrIgnored() throws {
    for ignored in [SIGPIPE, SIGIO] { signal(ignored, SIG_IGN) }
    let found = try output(
      "set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo leads; exec sed -n 's/^Sig\\(Blk\\|Ign\\):.//p' /proc/self/status"
    )
    let lines = found.text.split(separator: "\n")
    try #require(lines.count == 3 && lines[0] == "leads", "\(found)")
    // The first 31; behind them are the C library's own.
    for line in lines[1...] { #expect(UInt64(line, radix: 16).map { $0 & 0x7fff_ffff } == 0, "\(found)") }
    #expect(try output("kill -9 $$").ending == .signal(9))
  }

  @Test func getsTheDescriptorsThatAreNamed() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    // Out of the way of the numbers that the program is to have.
    let far = fcntl(ends[0], F_DUPFD_CLOEXEC, 10)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { for end in ends + [far] { close(end) } }
    #expect(write(ends[1], "secret\n", 7) == 7)
    let found = try output("read word <&4; echo $word", more: [nil, far])
    #expect(found.text == "secret\n")
  }

  @Test func thatTakesTooLongIsEndedWithWhatItHasStarted() throws {
    let began = SystemClock.uptime()
    let child = try Child(["/bin/sh", "-c", "sleep 50 & sleep 50"])
    #expect(child.wait(atMost: .milliseconds(100)) == nil)
    #expect(SystemClock.uptime() - began < .seconds(20))
    // Nobody of its group is left; who was killed may take a moment to go.
    while Glibc.kill(-child.pid, 0) == 0, SystemClock.uptime() - began < .seconds(20) { usleep(1_000) }
    #expect(Glibc.kill(-child.pid, 0) != 0)
    #expect(try Child(["true"]).wait(atMost: .seconds(20)) == .status(0))
  }

  @Test func thatIsNotThereIsRefused() {
    #expect(throws: Child.Refusal.self) { try Child(["/nonexistent/program"]) }
    #expect(throws: Child.Refusal.self) { try Child([]) }
  }
}
