import Core
import Files
import Spool

/// `start.json`: what of the logs that lay there when a stream was first looked at is never sent. It outlives the ledger.
struct StartOffsets: Hashable, Sendable, Codable, CheckedPlan {
  static let fileName: FileName = "start.json"

  struct Skipped: Hashable, Sendable, Codable {
    let source: SourceID
    let path: String
    let identity: SourceIdentity
    /// The records before it are left out.
    let to: UInt64
    let tail: Digest?
  }

  var schema = 1
  let at: Timestamp
  let skipped: [Skipped]

  var complaint: String? {
    let isGood = skipped.allSatisfy { skipped in
      skipped.to <= UInt64(Int64.max) && (0...Limits.headBytes).contains(skipped.identity.headBytes)
    }
    return isGood ? nil : "a log in it cannot be that long"
  }
}
