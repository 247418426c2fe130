extension EventKind {
  /// How loud: an error needs a person, a warning heals itself, a notice is the audit trail.
  public var priority: Priority {
    switch self {
    case .configRefused, .dropQuarantined, .dropHeld, .dropDamaged, .lateWrite, .batchHeld, .batchDamaged,
      .schemaChanged,
      .credentialRefused,
      .credentialExpiring, .wrongEndpoint, .storeUnproven,
      .transferStalled, .spoolFull, .diskLow, .ledgerRebuilt, .agentCrashed:
      .error
    case .feedLate, .feedMissing, .feedEmpty, .leaversAbsent, .sourceGap, .uploadRetry, .lanePaused, .watchOverflow,
      .metricsFailed, .inHandFailed, .clockDoubted, .logWaiting, .dropWaiting,
      .rowsRejected, .renameUnmatched:
      .warning
    case .agentStarted, .agentStopping, .agentInterrupted, .configReloaded, .dropSeen, .dropHandedOver, .dropDuplicate,
      .dropReleased,
      .feedEarly, .feedExtra, .feedArrived, .columnsKept, .batchConfirmed, .batchPurged:
      .notice
    case .segmentRotated, .batchSealed, .laneResumed, .placeSwept: .info
    }
  }

  /// What the journal and its catalogue know the event by: 128 random bits in 32 hex digits, made once, never used again.
  public var messageID: String {
    switch self {
    case .agentStarted: "c2f7534e053944d2850d5d8825aca9bb"
    case .agentStopping: "7a220787638a4c4f95a7abe1447754e2"
    case .agentCrashed: "4748b6af68fd42a08162efcab0740ca7"
    case .agentInterrupted: "470199ce5a0645d2b3a47aff0821377c"
    case .inHandFailed: "1521f6478d7e4166ae86069f11465c52"
    case .configReloaded: "be37dffb507b44cfb879ee64f48cbd16"
    case .configRefused: "e27cd39e319744b88b797232b8a266ef"
    case .dropSeen: "fd3bf1334bc04551871d4852fc687c23"
    case .dropWaiting: "64486b9ea38a4fb795562fe9a0d05ccd"
    case .dropHandedOver: "7f9855989d7345dcb9bb43049819a39d"
    case .dropDuplicate: "b81d6dad2cab46f690be803934b37bb7"
    case .dropQuarantined: "699fed0f61414d12a58659598a64fa5a"
    case .transferStalled: "ad5a547f2a8948d1916b714d49134d68"
    case .dropHeld: "4cbfe0aabf184682b34b9074b87ef2a8"
    case .dropDamaged: "9335da687c2c45c194f79422b72ec524"
    case .lateWrite: "eabb3f503e1342beb1e3df037914943c"
    case .batchDamaged: "c84bfb933a8442c3bdaeb28a41a14e16"
    case .clockDoubted: "e0f26ecaf38b415db1532b3bb3574586"
    case .dropReleased: "b6dec4a407074750bec0da25e9b8f3a6"
    case .rowsRejected: "d327e2dcf372497d909bdc36018af2b1"
    case .feedLate: "89816748d8844d65ac4695d88f4a3dee"
    case .feedEarly: "5fc633ff1f484119ab6975bbff22ae55"
    case .feedExtra: "8bc3b8ff76834bbfadd796bb0c1a152c"
    case .feedEmpty: "9747fa1118ea44a589b750a76567ace1"
    case .feedMissing: "7e48c78dcd7d4fcdb1e40f63c020d3cc"
    case .feedArrived: "fa00a162c4564c81b6e4655cce20c8f5"
    case .leaversAbsent: "64cd8d54df22477b9a6d7934fdade44b"
    case .columnsKept: "5e1b0c7d92a84f0c8e36d41f7a60b925"
    case .logWaiting: "3d59277f578e4316998ee5dd286fde99"
    case .sourceGap: "b0103e3ab913465db9780aef170cdaa4"
    case .segmentRotated: "716e73d3a0e247b685b2dc918f2af668"
    case .batchSealed: "0a7bf9c9e8404b41a0dadd5e67598f02"
    case .batchConfirmed: "a031aa952cc0427d92eb70fa45800cb1"
    case .uploadRetry: "3eb3ea43640a4d6b8b28389f1733ff93"
    case .batchHeld: "96808b714b8a40898d4fe81353f747ce"
    case .batchPurged: "0e670e24028e42a2a03ec9fdf9cb528b"
    case .credentialRefused: "d77bea210af74bc4b63cd747df41b6ec"
    case .credentialExpiring: "eb1d288685734eeca26ef1ff70429913"
    case .storeUnproven: "7785d49b588340a09bae5b301f1919a9"
    case .wrongEndpoint: "5d0c8e1b7f2a4b6f9a63d1e4c7305b82"
    case .lanePaused: "85e721a07a5c4ed693396878399af0fc"
    case .laneResumed: "c94a5321381f49268798372d8777fd92"
    case .spoolFull: "3b9a1052a6d1426dba55587372f38546"
    case .diskLow: "631b89eb6921434180e3f551f69442a9"
    case .watchOverflow: "b0216a16dd7a4304b1d157bae74d7b20"
    case .ledgerRebuilt: "30596b8bad62432bba2540ce18148a65"
    case .placeSwept: "7b711f2776f74b7b90e8aba18360b1d7"
    case .schemaChanged: "90bb0f567d6c4badb3b6391685a31885"
    case .renameUnmatched: "3cae678943214c09a0fbec72df8917eb"
    case .metricsFailed: "7f35d93832a042de985223fe8369cf9e"
    }
  }

  /// Whether repeats are told as a count: what a fault that lasts would say again and again. What stands for one drop, one
  /// batch or one stretch of a log is never folded.
  public var folds: Bool {
    switch self {
    case .uploadRetry, .lanePaused, .watchOverflow, .spoolFull, .diskLow, .credentialRefused, .wrongEndpoint,
      .storeUnproven, .configRefused, .dropWaiting, .logWaiting, .metricsFailed:
      true
    default: false
    }
  }
}
