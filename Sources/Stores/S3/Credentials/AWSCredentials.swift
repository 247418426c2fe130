import Core
import Store

/// Keys that sign requests.
struct AWSCredentials: Hashable, Sendable, CustomStringConvertible {
  var keyID: String
  var secret: String
  var sessionToken: String?
  /// Nil: they stay.
  var expires: Timestamp?

  /// Keys are not for printing.
  var description: String { "AWS credentials" }

  /// What no message may hold.
  var secrets: [String] { [secret, sessionToken ?? "", keyID] }

  func areValid(at time: Timestamp, for margin: Duration) -> Bool { expires.map { $0 > time + margin } ?? true }

  /// What failed, for every fault about them.
  static let what = "Cannot get keys from"
}

/// A place that keys come from.
protocol CredentialSource: Sendable {
  /// Nil where there are none here; a fault where there should be.
  func fetch() async throws(StoreFault) -> AWSCredentials?
}
