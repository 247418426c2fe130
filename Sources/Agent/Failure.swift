public import Core

/// Why a command ends without having done its work, and with which exit code.
public struct Failure: Error, CustomStringConvertible {
  public let code: ExitCode
  public let description: String
  public init(_ code: ExitCode, _ description: String) {
    self.code = code
    self.description = description
  }
  public init(_ fault: FileFault) { self.init(.stateUnusable, fault.description) }
  public init(_ fault: LedgerFault) { self.init(.stateUnusable, fault.description) }
  /// What an error means for the process, where it is a fault of the disk or of the ledger.
  static func of(_ error: any Error) -> any Error {
    (error as? FileFault).map { Failure($0) } ?? (error as? LedgerFault).map { Failure($0) } ?? error
  }
  /// Of a command that only looks: whoever may not is told who may.
  static func ofReader<Kind: Hashable & Sendable>(_ fault: Fault<Kind>) -> Failure {
    let isDenied = fault.kind as? FileKind == .denied || fault.kind as? LedgerKind == .denied
    guard isDenied else { return Failure(.stateUnusable, fault.description) }
    return Failure(
      .stateUnusable,
      "\(fault.what) \(fault.place)\(fault.why.isEmpty ? "" : ": \(fault.why)"). Run it as root, or as a member of the group that owns the state folder"
    )
  }
  public init(_ fault: StoreFault) {
    self.init(fault.kind.isAway ? .unreachable : .findings, fault.description)
  }
}

extension StoreKind {
  /// Nobody answers, or only to say that it cannot now.
  var isAway: Bool {
    switch self {
    case .unreachable, .throttled: true
    default: false
    }
  }
}

/// The exit codes of the contract, after sysexits(3).
public enum ExitCode: Int32, Sendable {
  case done = 0
  case findings = 1
  case usage = 64
  case unreachable = 69
  case stateUnusable = 74
  case later = 75
  case configuration = 78
}
