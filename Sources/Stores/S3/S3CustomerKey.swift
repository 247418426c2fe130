import Core
import Crypto
import FoundationEssentials

/// A key that goes with each request for an object, and that the service does not keep
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html). Without it the object cannot be read.
struct S3CustomerKey: Sendable {
  private let key: String
  /// Base64 of it: names the key without telling it.
  let md5: String

  /// - Throws: `.denied` where it is no key.
  init(_ text: String) throws(StoreFault) {
    let text = trimmed(text)
    guard let bytes = Data(base64Encoded: text), bytes.count == 32 else {
      throw StoreFault(
        .denied, "Cannot use", at: "sse_customer_key", why: "it is not 32 bytes in base64",
        remedy: "Make one with: openssl rand -base64 32")
    }
    key = text
    md5 = Data(Insecure.MD5.hash(data: bytes)).base64EncodedString()
  }

  var secrets: [String] { [key] }

  var headers: [(name: String, value: String)] {
    let name = "x-amz-server-side-encryption-customer"
    return [("\(name)-algorithm", "AES256"), ("\(name)-key", key), ("\(name)-key-md5", md5)]
  }
}
