import Core
import FoundationEssentials
import Store

/// What the authority, or the metadata service of a machine, answers to the question for a token.
struct EntraAnswer {
  struct Token: Sendable {
    var text: String
    var expires: Timestamp
  }

  static let what = "Cannot get a token from"

  let answer: Answer
  let place: String
  let kind: AzureIdentity.Source.Kind

  /// What the answer says is not printed: it may hold a token.
  func token(_ now: Timestamp) throws(StoreFault) -> Token {
    if let strange = StrangeAnswer(service: "Entra", mark: "x-ms-").fault(
      answer, isOfObject: false, Self.what, at: place)
    {
      throw strange
    }
    guard answer.isSuccess else { throw refusal }
    guard let grant = try? JSONDecoder().decode(Grant.self, from: Data(answer.body)), !grant.token.isEmpty,
      grant.token.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
    else {
      throw StoreFault(
        .unreachable, Self.what, at: place, why: "the answer holds no token",
        remedy: "If it stays, look for a proxy or a login page of the network that answers instead")
    }
    return Token(text: grant.token, expires: now + .seconds(grant.lifetime))
  }

  /// The authority does not believe the time in the assertion.
  var doubtsTime: Bool { !answer.isSuccess && numbers.contains(700_024) }

  private var numbers: [Int] { (try? JSONDecoder().decode(Refusal.self, from: Data(answer.body)))?.numbers ?? [] }

  private var refusal: StoreFault {
    let code = (try? JSONDecoder().decode(Refusal.self, from: Data(answer.body)))?.error ?? ""
    let isKnown = code.utf8.count <= 40 && code.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "_") }
    var why = "HTTP status \(answer.status)"
    if isKnown, !code.isEmpty { why += ", \(code)" }
    // The numbers are Microsoft's, and can be looked up.
    if let number = numbers.first { why += ", AADSTS\(number)" }
    let (kind, remedy) = meaning
    return StoreFault(kind, Self.what, at: place, why: why, remedy: remedy)
  }

  private var meaning: (StoreKind, String?) {
    if let known = numbers.lazy.compactMap(Self.meaning(of:)).first { return known }
    switch answer.status {
    case 400, 401, 403: return (.denied, kind.remedy)
    case 404 where kind != .machine: return (.denied, "Check tenant_id and authority")
    case 404, 410, 429, 500...: return (.throttled(afterMilliseconds: nil), nil)
    default: return (.unreachable, nil)
    }
  }

  /// learn.microsoft.com/entra/identity-platform/reference-error-codes
  private static func meaning(of number: Int) -> (StoreKind, String?)? {
    switch number {
    case 7_000_222: (.expired, "The client_secret is over: make a new one in the portal")
    case 7_000_215: (.denied, "Check client_secret: its value is needed, not its id")
    case 700_016, 7_000_112: (.denied, "Check client_id: this tenant has no such application, or it is disabled")
    case 90_002, 900_023: (.denied, "Check tenant_id: there is no such tenant")
    case 700_027: (.denied, "Check client_certificate: the application does not know it, or it is over")
    case 700_024: (.denied, "Set the machine's clock")
    case 70_021, 700_211, 700_212, 700_213:
      (.denied, "Check the federated credential of the application: its issuer, subject and audience")
    case 50_196, 90_033, 50_000: (.throttled(afterMilliseconds: nil), nil)
    default: nil
    }
  }

  private struct Refusal: Decodable {
    var error: String?
    var numbers: [Int]?

    enum CodingKeys: String, CodingKey { case error, numbers = "error_codes" }
  }

  /// The metadata service writes its numbers as texts.
  private struct Grant: Decodable {
    var token: String
    var lifetime: Int64

    enum Key: String, CodingKey { case token = "access_token", lifetime = "expires_in" }
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      token = try container.decode(String.self, forKey: .token)
      let text = try? container.decode(String.self, forKey: .lifetime)
      let seconds = try text.flatMap { Int64($0) } ?? container.decode(Int64.self, forKey: .lifetime)
      lifetime = min(max(0, seconds), Limits.azureTokenLife)
    }
  }
}
