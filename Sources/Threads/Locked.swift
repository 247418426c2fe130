/// A value behind a lock. Not recursive. Hold it for short work only; never across a suspension point, and never while waiting for
/// anybody else: who has to wait uses a `Monitor`.
public struct Locked<Value: ~Copyable>: Sendable {
  private let monitor: Monitor<Value>

  public init(_ initial: consuming sending Value) { monitor = Monitor(initial) }

  public func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try monitor.withLock(body)
  }
}
