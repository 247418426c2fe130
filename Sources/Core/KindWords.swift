/// What code branches on is one word wherever it is told: in the journal's field `REASON`, in metrics, in the ledger. The lists are
/// closed; programs of others compare them.
extension FileKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing: "missing"
    case .exists: "exists"
    case .denied: "denied"
    case .full: "full"
    case .crossDevice: "cross_device"
    case .damaged: "damaged"
    case .io: "io"
    case .hung: "hung"
    case .exhausted: "exhausted"
    }
  }
}

extension StoreKind: CaseIterable, CustomStringConvertible {
  public static let allCases: [StoreKind] = [
    .unreachable, .throttled(afterMilliseconds: nil), .untrusted, .expired, .denied, .unproven, .wrongPlace, .forbidden,
    .full, .refused, .mismatch,
  ]

  public var description: String {
    switch self {
    case .unreachable: "unreachable"
    // How long the store asked us to wait is for the back-off alone.
    case .throttled: "throttled"
    case .untrusted: "untrusted"
    case .expired: "expired"
    case .denied: "denied"
    case .unproven: "unproven"
    case .wrongPlace: "wrong_place"
    case .forbidden: "forbidden"
    case .full: "full"
    case .refused: "refused"
    case .mismatch: "mismatch"
    }
  }
}

extension LedgerKind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .damaged: "damaged"
    case .busy: "busy"
    case .full: "full"
    case .denied: "denied"
    case .io: "io"
    case .newer: "newer"
    case .older: "older"
    }
  }
}
