internal import CLinux
internal import Core
internal import Glibc

/// Signals as a sequence: a handler writes each to a pipe, and a thread of its own reads there. Caught signals no longer end the
/// process, from the moment of `catching` on.
public struct Signals: AsyncSequence, Sendable {
  public typealias Element = Int32

  private let stream: AsyncStream<Int32>

  /// Once in a process.
  /// - Parameter numbers: e.g. `SIGTERM`.
  public static func catching(_ numbers: [Int32]) -> Signals {
    let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
    let pipe = cl_signal_pipe()
    precondition(pipe >= 0, "no pipe for signals: errno \(errno)")
    for number in numbers {
      let answer = cl_catch_signal(number)
      precondition(answer == 0, "signal \(number) cannot be caught")
    }
    let hasThread = Thread.start("navette-signals") {
      var number: UInt8 = 0
      while true {
        let count = read(pipe, &number, 1)
        if count == 1 { continuation.yield(Int32(number)) }
        if count == 0 || (count < 0 && errno != EINTR) { return }
      }
    }
    precondition(hasThread, "no thread for signals")
    return Signals(stream: stream)
  }

  public func makeAsyncIterator() -> AsyncStream<Int32>.AsyncIterator { stream.makeAsyncIterator() }
}
