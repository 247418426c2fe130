import Core
import Crypto
import CryptoExtras
import FoundationEssentials

/// The certificate of an application, and what is signed with it instead of sending a secret: a JWT of which the authority knows the
/// certificate (learn.microsoft.com/entra/identity-platform/certificate-credentials).
struct EntraCertificate: Sendable {
  private let thumbprint: String
  private let key: _RSA.Signing.PrivateKey

  /// - Parameter pem: the certificate and its private key, in any order; of several certificates the first.
  /// - Throws: `.denied` where it cannot be used.
  init(_ pem: String) throws(StoreFault) {
    func refuse(_ why: String, _ remedy: String) -> StoreFault {
      StoreFault(.denied, "Cannot use", at: "client_certificate", why: why, remedy: remedy)
    }
    let whole = "Put the certificate and its RSA key in one PEM file: cat cert.pem key.pem"
    guard let certificate = PEM.blocks(pem, { $0 == "CERTIFICATE" })?.first else {
      throw refuse("it holds no whole certificate in PEM", whole)
    }
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
      throw refuse("its private key is encrypted", "Give it without a passphrase: openssl pkey -in key.pem")
    }
    guard let block = Self.keyBlock(pem) else { throw refuse("it holds no whole private key in PEM", whole) }
    do { key = try _RSA.Signing.PrivateKey(pemRepresentation: block) } catch {
      throw refuse(
        "its private key is no RSA key of 2048 bits or more", "Make one with: openssl req -x509 -newkey rsa:2048")
    }
    thumbprint = Self.base64url(Insecure.SHA1.hash(data: certificate))
  }

  /// - Parameter audience: where it is sent.
  func assertion(of client: String, for audience: String, at now: Timestamp) throws(StoreFault) -> String {
    struct Header: Encodable {
      var alg = "RS256"
      var typ = "JWT"
      var x5t: String
    }
    struct Claims: Encodable {
      var aud, iss, sub, jti: String
      var nbf, exp: Int64
    }
    let number = (0..<2).map { _ in Hex.encode(withUnsafeBytes(of: UInt64.random(in: 0 ... .max)) { Array($0) }) }
    do {
      // A little before now: clocks differ.
      let claims = Claims(
        aud: audience, iss: client, sub: client, jti: number.joined(), nbf: now.seconds -| 60,
        exp: now.seconds + Limits.azureAssertionLife)
      let encoder = JSONEncoder()
      let signed =
        Self.base64url(try encoder.encode(Header(x5t: thumbprint))) + "." + Self.base64url(try encoder.encode(claims))
      let signature = try key.signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
      return "\(signed).\(Self.base64url(signature.rawRepresentation))"
    } catch {
      throw StoreFault(.denied, "Cannot sign with", at: "client_certificate", why: "its key gives no signature")
    }
  }

  private static func keyBlock(_ pem: String) -> String? {
    for label in ["RSA PRIVATE KEY", "PRIVATE KEY"] {
      guard let start = pem.firstRange(of: "-----BEGIN \(label)-----"),
        let end = pem[start.upperBound...].firstRange(of: "-----END \(label)-----")
      else { continue }
      return String(pem[start.lowerBound..<end.upperBound])
    }
    return nil
  }

  private static func base64url(_ bytes: some Sequence<UInt8>) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
