public import Config
import Core
import Files
import Glibc
import Journal
import Spool
import SystemPackage

/// How the life before this one ended, told once: at the start of the next one.
public enum LastLife {
  /// Tells, and begins this one. Nothing that lies in the file's place keeps the agent from starting.
  static func begin(_ state: StateFolder, _ files: any Files, _ events: any EventSink) -> (Hands, Suspects) {
    let (file, fault) = InHandFile.open(state.inHand, life())
    if let fault {
      events.record(
        .inHandFailed, "A crash of this agent could not be told by the next one. \(fault)",
        [.path: state.inHand.shown, .reason: fault.why])
    }
    if let last = file.past.last, !last.isClean { events.record(event(last)) }
    let suspects = Suspects(file.past, at: state.suspects, files)
    let hands = file.begin()
    hands.watchForCrashes()
    return (hands, suspects)
  }

  /// What is known of the last end: by an agent that runs, of the life before it.
  static func end(_ state: StateFolder, _ files: any Files, isRunning: Bool) -> LifeEnd? {
    guard let bytes = try? files.contents(of: state.inHand, limit: Limits.inHandBytes) else { return nil }
    return isRunning ? InHandFile.lastBefore(bytes) : InHandFile.past(bytes, boot: boot()).last
  }

  /// systemd's word on a life of the service, for the next one to tell. Called by `ExecStopPost=`.
  /// - Throws: `Failure`, where it cannot be written.
  public static func note(_ settings: Settings) throws {
    let word = LifeEnd.Word(
      result: variable("SERVICE_RESULT"), code: variable("EXIT_CODE"), status: variable("EXIT_STATUS"))
    guard !word.result.isEmpty else {
      throw Failure(.usage, "after-stop is for systemd alone: it sets SERVICE_RESULT")
    }
    let state = StateFolder(settings.state)
    do {
      _ = try InHandFile.note(word, of: variable("INVOCATION_ID"), at: state.inHand)
    } catch {
      // The agent has never run.
      if error.kind != .missing { throw Failure(error) }
    }
  }

  static func code(of error: any Error) -> Int32 { ((error as? Failure)?.code ?? .configuration).rawValue }

  private static func life() -> InHandFile.Life {
    InHandFile.Life(program: Version.text, boot: boot(), invocation: variable("INVOCATION_ID"))
  }

  /// Which run of the machine this is. The service does not see the kernel's file, so that its unit tells.
  private static func boot() -> String {
    let told = variable("NAVETTE_BOOT_ID")
    if !told.isEmpty { return told.filter(\.isHexDigit) }
    guard let bytes = try? LinuxFiles().contents(of: "/proc/sys/kernel/random/boot_id", limit: Limits.identityBytes)
    else { return "" }
    return String(decoding: bytes, as: UTF8.self).filter(\.isHexDigit)
  }

  private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
}

// MARK: - Words

extension LastLife {
  static func event(_ end: LifeEnd) -> Event {
    let who = "The agent before this one (pid \(end.pid), navette \(end.program))"
    let word = end.word.map { ". systemd says: \($0.shown)" } ?? ""
    guard end.how == .crashed else {
      let when = end.isExact ? "at \(end.at.iso())" : "after \(end.at.iso())"
      return Event(
        .agentInterrupted, "\(who) ended without warning \(when): \(end.why)\(end.held)\(word). Its work goes on",
        [.reason: end.reason])
    }
    var fields: [Event.Field: String] = [.reason: end.reason]
    if let work = end.works.first {
      switch work.lane {
      case .feed(let name), .pull(let name): fields[.feed] = name.text
      case .stream(let name): fields[.stream] = name.text
      case .command: break
      }
      switch work.item {
      case .drop(let id): fields[.drop] = id.description
      case .batch(let id): fields[.batch] = id.description
      case .file, .source, .object, .none: break
      }
      fields[.store] = work.store?.text
    }
    let advice = end.sender == 0 ? "; report this, and see journalctl -x" : ""
    return Event(.agentCrashed, "\(who) \(end.crash)\(word). Its work goes on\(advice)", fields)
  }
}

extension LifeEnd {
  /// `SIGSEGV`, `watchdog`: one word to look for.
  var reason: String {
    if how == .crashed { return Self.signals[signal] ?? "signal \(signal)" }
    if let word, ["watchdog", "oom-kill", "timeout"].contains(word.result) { return word.result }
    if let word, word.code == "killed" || word.code == "dumped" { return "SIG\(word.status)" }
    return hasRebooted ? "reboot" : "unknown"
  }

  var why: String {
    switch reason {
    case "watchdog": return "systemd's watchdog ended it, since it did not get on"
    case "oom-kill": return "the kernel ended it for want of memory (oom-kill)"
    case "timeout": return "systemd ended it, since it did not stop in time"
    case "reboot": return "the machine went down or was started anew"
    case "unknown":
      return "somebody killed it, or the memory was short, or the power was cut and this machine cannot tell"
    default: return "killed by \(reason)"
    }
  }

  var crash: String {
    // It hit whom it hit: what was in hand says nothing.
    if sender != 0 { return "was ended at \(at.iso()) by \(reason), which process \(sender) had sent" }
    let work = works.first.map { "\($0)" } ?? "nothing was in hand that is known of"
    return "crashed at \(at.iso()) with \(reason) while \(work)"
  }

  /// What was in hand.
  var held: String {
    guard !works.isEmpty else { return "" }
    let more = inHand > works.count ? ", and \(inHand - works.count) more" : ""
    return ". It was \(works.map(\.description).joined(separator: ", "))\(more)"
  }

  /// One line for `status`.
  public var words: String {
    switch how {
    case .stopped: "stopped cleanly at \(at.iso())"
    case .failed: "ended by itself at \(at.iso()) with exit status \(code); it has said why in the journal"
    case .crashed: crash
    case .interrupted: "ended without warning \(isExact ? "at" : "after") \(at.iso()): \(why)\(held)"
    }
  }

  private static let signals: [Int32: String] = [
    SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT", SIGFPE: "SIGFPE",
  ]
}

extension LifeEnd.Word {
  var shown: String { code.isEmpty ? result : "\(result) (\(code), \(status))" }
}
