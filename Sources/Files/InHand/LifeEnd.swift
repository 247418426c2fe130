internal import CLinux
public import Core

/// How one life of the agent ended, as the next one can tell it.
public struct LifeEnd: Hashable, Sendable {
  public enum How: String, Hashable, Sendable {
    /// Asked to stop, or through.
    case stopped
    /// By itself, with an exit code; it has said why.
    case failed
    /// By a signal that it wrote down.
    case crashed
    /// Without a word: SIGKILL, the watchdog, memory, power.
    case interrupted
  }

  /// What systemd hands to ExecStopPost= (systemd.exec(5), `$SERVICE_RESULT`).
  public struct Word: Hashable, Sendable {
    public let result: String
    public let code: String
    public let status: String

    public init(result: String, code: String, status: String) {
      (self.result, self.code, self.status) = (result, code, status)
    }
  }

  public let how: How
  public let pid: Int32
  public let program: String
  public let startedAt: Timestamp
  /// Of an end that nobody saw: when something was begun last.
  public let at: Timestamp
  public let isExact: Bool
  /// Of `failed`.
  public let code: Int32
  public let signal: Int32
  /// Who sent the signal; 0: it was a fault of our own.
  public let sender: Int32
  /// The machine was started anew between this life and the next.
  public let hasRebooted: Bool
  public let word: Word?
  /// After a crash: what its thread had in hand, if anything that is known; else what all had, at most the first few.
  public let works: [Work]
  /// How many things were in hand; a few of them are in `works`.
  public let inHand: Int

  public var isClean: Bool { how == .stopped || how == .failed }

  /// Nil where it is no record, or not a whole one.
  init?(_ raw: cl_end) {
    guard raw.check == Hands.check(raw, upTo: \.check) else { return nil }
    switch raw.cause {
    case 1: how = .stopped
    case 2: how = .failed
    case 3: how = .crashed
    case 4: how = .interrupted
    default: return nil
    }
    (pid, code, signal, sender) = (raw.pid, raw.code, raw.signal, raw.sender)
    program = text(raw.program)
    startedAt = Timestamp(nanoseconds: raw.started_ns)
    hasRebooted = raw.has_rebooted != 0
    let hasWord = raw.word.at_ns != 0 && raw.word.check == Hands.check(raw.word, upTo: \.check)
    word =
      hasWord
      ? Word(result: text(raw.word.result), code: text(raw.word.code), status: text(raw.word.status)) : nil
    isExact = how != .interrupted || hasWord
    // Nothing may have been begun in this life; a time that was written down stands, whatever the clock did.
    let seen = how == .interrupted ? max(raw.at_ns, raw.started_ns) : raw.at_ns
    at = Timestamp(nanoseconds: how == .interrupted && hasWord ? raw.word.at_ns : seen)
    let all = [raw.hands.0, raw.hands.1, raw.hands.2, raw.hands.3]
    works = all.prefix(Int(min(raw.copied, UInt32(all.count)))).compactMap { Work($0) }
    inHand = Int(raw.in_hand)
  }
}

extension Work {
  /// Nil where it was being written, or means nothing to this version.
  init?(_ raw: cl_hand) {
    var copy = raw
    guard cl_hand_is_whole(&copy) != 0 else { return nil }
    guard let lane = Lane(kind: raw.lane_kind, name: text(raw.lane, raw.lane_length)),
      let step = Step(rawValue: raw.step),
      let item = Item(kind: raw.item_kind, text: text(raw.item, raw.item_length))
    else { return nil }
    self.init(lane, step, item, store: StoreName(text(raw.store, raw.store_length)))
  }
}

/// What stands in an array of C's, up to `count` or its first zero byte.
private func text<Characters>(_ characters: Characters, _ count: UInt8 = .max) -> String {
  withUnsafeBytes(of: characters) { bytes in
    String(decoding: bytes.prefix(Int(count)).prefix { $0 != 0 }, as: UTF8.self)
  }
}

/// An array of C's with this in it, and zeroes behind it; what is too long is cut.
func put<Characters>(_ text: String, into characters: inout Characters) {
  withUnsafeMutableBytes(of: &characters) { room in
    room.initializeMemory(as: UInt8.self, repeating: 0)
    // One zero stays, so that each reader finds the end.
    room.copyBytes(from: text.utf8.prefix(room.count - 1))
  }
}
