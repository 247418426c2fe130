import Core
import Store

/// What to do about a store's refusal.
enum Verdict: Hashable, Sendable {
  case retry(Backoff, atLeast: Duration)
  /// The others go on meanwhile.
  case retryAlone
  case hold

  init(_ kind: StoreKind) {
    switch kind {
    case .unreachable, .full: self = .retry(.retry, atLeast: .zero)
    case .throttled(let milliseconds):
      self = .retry(.retry, atLeast: .milliseconds(min(milliseconds ?? 0, Limits.longestWait.milliseconds)))
    case .untrusted, .expired, .denied, .wrongPlace, .unproven: self = .retry(.refused, atLeast: .zero)
    case .forbidden: self = .retryAlone
    case .refused, .mismatch: self = .hold
    }
  }
}
