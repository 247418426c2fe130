public import Config

/// What has AWS itself refuse whatever would replace an object, whoever sends it.
///
/// Uploads in parts are allowed to begin and to send their parts: these requests take no condition, and the last one, which makes the
/// object, does (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html).
public struct BucketPolicy {
  /// JSON; nil where the store is not AWS'.
  public let lines: [String]

  public init?(_ store: StoreSettings) {
    guard case .s3(let s3) = store.target, s3.endpoint == nil else { return nil }
    let partition = s3.region.hasPrefix("cn-") ? "aws-cn" : s3.region.hasPrefix("us-gov-") ? "aws-us-gov" : "aws"
    let folder = s3.prefix.isEmpty ? "" : "\(s3.prefix)/"
    lines = """
      {
        "Version": "2012-10-17",
        "Statement": [{
          "Sid": "NavetteCreateOnly",
          "Effect": "Deny",
          "Principal": "*",
          "Action": "s3:PutObject",
          "Resource": "arn:\(partition):s3:::\(s3.bucket)/\(folder)*",
          "Condition": {
            "Null": { "s3:if-none-match": "true" },
            "Bool": { "s3:ObjectCreationOperation": "true" }
          }
        }]
      }
      """.split(separator: "\n").map(String.init)
  }
}
