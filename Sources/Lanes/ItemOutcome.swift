public import Core

/// What one step says of one item: a file, a drop, a log, a batch. The next step takes what is done; nothing else goes on in this pass.
public enum ItemOutcome<Value> {
  case done(Value)
  /// It cannot be worked on now, for a reason of its own. Uptime: not before then.
  case waits(until: Duration, why: String)
  /// It lies aside, for a person.
  case setAside(Reason)
  /// There is nothing to work on any more: somebody took it away, or it goes its way from the start again.
  case gone

  /// What the next step takes over; nil: it does not come to it.
  public var value: Value? { if case .done(let value) = self { value } else { nil } }

  public var isDone: Bool { if case .done = self { true } else { false } }

  /// The same of what is made of it.
  public func map<Other, Failure: Error>(_ body: (Value) throws(Failure) -> Other) throws(Failure) -> ItemOutcome<Other>
  {
    switch self {
    case .done(let value): .done(try body(value))
    case .waits(let until, let why): .waits(until: until, why: why)
    case .setAside(let reason): .setAside(reason)
    case .gone: .gone
    }
  }
}

extension ItemOutcome: Equatable where Value: Equatable {}
extension ItemOutcome: Sendable where Value: Sendable {}
