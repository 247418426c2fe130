import CCurl
import Config
import Core
import Files
import Store
import SystemPackage
import Testing

@testable import Stores

/// Whatever a service, a server or a library says, what people read is a sentence: no doubled full stop, no empty brackets, nothing of
/// Swift's own spelling.
@Suite("Sentences about stores are sentences") struct WordingTests {
  private let now = Timestamp(seconds: 1_800_000_000)
  /// Nothing at all, a word, and sentences as they come: with a full stop, with a line end, with blanks.
  private let texts = ["", "no", "The bucket must be asked at its own endpoint.", "Not now.\n", "  ", "a (b)"]

  private func check(_ fault: StoreFault, _ of: String, location: SourceLocation = #_sourceLocation) {
    for text in [fault.description, "\(fault.kind)", fault.remedy ?? "-"] {
      for part in ["..", "()", "( )", "Optional(", "nil", ": .", ": :", "afterMilliseconds", "Swift."] {
        #expect(!text.contains(part), "\(of): \(text)", sourceLocation: location)
      }
      #expect(!text.hasSuffix(" "), "\(of): \(text)", sourceLocation: location)
    }
    #expect(StoreKind.allCases.map { "\($0)" }.contains("\(fault.kind)"), sourceLocation: location)
  }

  private func answer(_ status: Int, _ code: String, _ message: String, _ headers: [String: String] = [:]) -> Answer {
    var answer = Answer()
    answer.status = status
    answer.headers = AnswerHeaders(headers)
    if !code.isEmpty || !message.isEmpty {
      answer.body = Array("<Error><Code>\(code)</Code><Message>\(message)</Message></Error>".utf8)
    }
    return answer
  }

  private let statuses = [
    200, 301, 307, 400, 401, 403, 404, 405, 407, 408, 409, 411, 412, 429, 500, 501, 503, 507, 999,
  ]

  @Test("of S3") func s3() {
    let codes = [
      "", "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled",
      "RequestTimeTooSkewed", "NoSuchBucket", "PermanentRedirect", "NotImplemented", "BadDigest", "NoSuchUpload",
      "RequestTimeout", "SlowDown", "QuotaExceeded", "NoSuchKey", "EntityTooLarge", "Surprise",
    ]
    for code in codes {
      for status in statuses {
        for text in texts {
          for act in [S3Act.upload, .ask, .list, .download, .readBack, .delete] {
            for headers in [[:], ["retry-after": "1"], ["x-amz-bucket-region": "eu-west-3"]] {
              let refusal = S3Refusal(answer(status, code, text, headers), now: now)
              check(refusal.fault(act, at: "s3://b/k", hiding: []), "\(status) \(code) “\(text)”")
            }
          }
        }
      }
    }
  }

  @Test("of Azure") func azure() throws {
    let accesses = [
      AzureSettings.Access.accountKey(Secret("a2V5")), .sasToken(Secret("sp=rcwl&se=2020-01-01&sig=x")),
      .managedIdentity,
    ]
    let codes = [
      "", "AuthenticationFailed", "AuthorizationFailure", "ContainerNotFound", "ServerBusy", "Md5Mismatch",
      "InvalidBlockList", "RequestBodyTooLarge", "LeaseIdMissing", "Surprise",
    ]
    for access in accesses {
      let access = try AzureAccess(AzureSettings(account: "account", container: "c", access: access))
      for code in codes {
        for status in statuses {
          for text in texts {
            let refusal = AzureRefusal(answer(status, code, text), access, now: now)
            check(refusal.fault("Cannot upload to", at: "azblob://a/c/k", hiding: []), "\(status) \(code) “\(text)”")
          }
        }
      }
    }
  }

  @Test("of libcurl, of SFTP servers and of our own files") func transfers() throws {
    let access = try SSHAccess(
      SFTPSettings(
        user: "u", host: "h", folder: "/", access: .password(Secret("p")), hostKey: .knownHosts("/k")))
    for number in 1..<100 as Range<UInt32> {
      for text in texts {
        let code = CURLcode(rawValue: number)
        check(TransferFailure.curl(code, text).fault("Cannot upload to", at: "s3://b/k"), "curl \(number) “\(text)”")
        check(
          SFTPRefusal(code: code, text: text).fault("Cannot upload to", at: "sftp://h/k", access: access),
          "SFTP \(number) “\(text)”")
      }
    }
    check(TransferFailure.cancelled.fault("Cannot upload to", at: "s3://b/k"), "cancelled")
    for kind in FileKind.allCases {
      for text in texts where text == trimmed(text) {
        for remedy in [nil, "Make room"] {
          let fault = FileFault(kind, "Cannot read", at: "/a", why: text, remedy: remedy)
          check(TransferFailure.file(fault).fault("Cannot copy to", at: "file:///b"), "\(kind) “\(text)”")
        }
      }
    }
  }
}
