import Core
public import Files
public import Spool
import Threads

/// Asks an agent that runs.
public struct ControlClient: Sendable {
  private let queue: RequestQueue

  public init(_ state: StateFolder, _ files: any Files) { queue = RequestQueue(state: state, files: files) }

  /// - Returns: nil where the agent has not done it in time; it does it all the same.
  public func ask(_ request: Request, patience: Duration = Limits.answerPatience) async throws(FileFault) -> Answer? {
    let path = try queue.post(request, at: SystemClock.wall())
    let deadline = SystemClock.uptime() + patience
    while SystemClock.uptime() < deadline {
      if let answer = try queue.answer(to: path) { return answer }
      await sleep(for: Limits.answerLook)
    }
    return nil
  }
}
