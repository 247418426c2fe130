import Core
import Store
import Threads

/// The keys of one store: fetched when they are first needed, renewed before they expire, by one fetch at a time.
///
/// A renewal begins early, before the end, beside the requests, which go on with the old keys; only without valid keys do they
/// wait. A renewal that fails is tried again after a pause, and by the first request where no keys are left, so that a
/// failure ends when its cause does.
final class CredentialCache: Sendable {
  private typealias Fetch = Task<Result<AWSCredentials, StoreFault>, Never>

  private struct State {
    var current: AWSCredentials?
    var fetch: Fetch?
    /// After a renewal that brought nothing newer.
    var notBefore: Timestamp?
    /// Of the last two sets: a refusal may speak of the one that was just replaced.
    var secrets: [[String]] = []
    var hadKeys: Bool { !secrets.isEmpty }
  }

  private enum Step: Sendable {
    case use(AWSCredentials)
    case share(Fetch)
  }

  private let source: (any CredentialSource)?
  private let clock: @Sendable () -> Timestamp
  private let state: Locked<State>

  /// Keys that are renewed.
  init(_ source: any CredentialSource, clock: @escaping @Sendable () -> Timestamp) {
    self.source = source
    self.clock = clock
    state = Locked(State())
  }

  /// Keys that stay.
  init(_ credentials: AWSCredentials) {
    source = nil
    clock = { Timestamp(seconds: 0) }
    state = Locked(State(current: credentials, secrets: [credentials.secrets]))
  }

  func credentials() async throws(StoreFault) -> AWSCredentials {
    let now = clock()
    let step: Step = state.withLock { state in
      if let current = state.current, current.areValid(at: now, for: Limits.keysMargin) {
        let isLate = !current.areValid(at: now, for: Limits.keysEarly) && state.notBefore.map { $0 <= now } ?? true
        if isLate, state.fetch == nil { state.fetch = begin() }
        return .use(current)
      }
      let fetch = state.fetch ?? begin()
      state.fetch = fetch
      return .share(fetch)
    }
    switch step {
    case .use(let credentials): return credentials
    case .share(let fetch): return try await fetch.value.get()
    }
  }

  /// After a refusal of these keys: others, if there are any.
  func replacement(for refused: AWSCredentials) async -> AWSCredentials? {
    guard source != nil else { return nil }
    state.withLock { if $0.current == refused { $0.current = nil } }
    guard let fresh = try? await credentials(), fresh != refused else { return nil }
    return fresh
  }

  /// For tests: whether a renewal is under way.
  var isRenewingForTests: Bool { state.withLock { $0.fetch != nil } }

  /// What no message may hold.
  var secrets: [String] { state.withLock { $0.secrets.flatMap { $0 } } }

  private func begin() -> Fetch {
    // Not of the caller's task: a request that is given up must not end what others wait for.
    Task.onPool { [self] in await fetch() }
  }

  private func fetch() async -> Result<AWSCredentials, StoreFault> {
    var result: Result<AWSCredentials, StoreFault>
    do throws(StoreFault) {
      guard let found = try await source?.fetch() else { throw nothing }
      guard found.areValid(at: clock(), for: .zero) else {
        throw StoreFault(
          .expired, AWSCredentials.what, at: "their source", why: "those that it gives have expired",
          remedy: "Renew them; and check the machine's clock")
      }
      result = .success(found)
    } catch {
      result = .failure(error)
    }
    let now = clock()
    state.withLock { state in
      state.fetch = nil
      switch result {
      case .success(let found):
        state.current = found
        if state.secrets.last != found.secrets { state.secrets = state.secrets.suffix(1) + [found.secrets] }
        state.notBefore = found.areValid(at: now, for: Limits.keysEarly) ? nil : now + Limits.keysPause
      case .failure: state.notBefore = now + Limits.keysPause
      }
    }
    return result
  }

  private var nothing: StoreFault {
    // Where there have been keys, the source is out of order, not missing.
    let hadKeys = state.withLock { $0.hadKeys }
    return StoreFault(
      hadKeys ? .unreachable : .denied, AWSCredentials.what, at: "the AWS chain",
      why: "none in the configuration, the environment, ~/.aws, or from a container or an instance",
      remedy: "Give access_key_id and secret_access_key, or one of those")
  }
}
