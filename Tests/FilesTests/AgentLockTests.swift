import Core
import Files
import Glibc
import SystemPackage
import TestKit
import Testing

@Suite("One agent per state folder")
struct AgentLockTests {
  let folder: TemporaryFolder
  var state: FilePath { folder.path }

  init() throws { folder = try TemporaryFolder() }

  @Test("A second agent is refused and told the first one's pid; when the first goes, it may")
  func second() async throws {
    #expect(try AgentLock.holder(of: state) == nil)
    do {
      let lock = try AgentLock(state: state)
      #expect {
        _ = try AgentLock(state: state)
      } throws: {
        let fault = $0 as? FileFault
        return fault?.kind == .exists && fault?.why == "another agent holds it (pid \(getpid()))"
      }
      let holder = try #require(try AgentLock.holder(of: state))
      #expect(holder.pid == getpid())
      #expect((holder.startTicks ?? 0) > 0)
      withExtendedLifetime(lock) {}
    }
    // A program that another test starts in this instant has a copy of the descriptor until it is that program.
    while try AgentLock.holder(of: state) != nil { try await Task.sleep(for: .milliseconds(5)) }
    let lock = try AgentLock(state: state)
    #expect(try AgentLock.holder(of: state)?.pid == getpid())
    withExtendedLifetime(lock) {}
  }

  @Test("An agent that is killed gives up its lock")
  func killed() async throws {
    let place = state.string
    await #expect(processExitsWith: .signal(SIGKILL)) { [place = place as String] in
      let lock = try AgentLock(state: FilePath(place))
      withExtendedLifetime(lock) { _ = kill(getpid(), SIGKILL) }
    }
    #expect(try LinuxFiles().info(state.appending("lock"))?.size ?? 0 > 0)
    #expect(try AgentLock.holder(of: state) == nil)
    _ = try AgentLock(state: state)
  }

  @Test("A state folder that is not there is a fault, and has no holder")
  func missing() throws {
    let nowhere = state.appending("nowhere")
    #expect { _ = try AgentLock(state: nowhere) } throws: { ($0 as? FileFault)?.kind == .missing }
    #expect(try AgentLock.holder(of: nowhere) == nil)
  }
}
