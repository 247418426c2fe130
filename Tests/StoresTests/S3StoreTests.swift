import Config
import Core
import Files
import Store
import Stores
import SystemPackage
import TestKit
import Testing
import Threads

/// S3 that refuses, lies, stalls, or is not who it says. The honest case is in `ConformanceTests`.
@Suite struct S3StoreTests {
  private let files = LinuxFiles()
  private let folder: TemporaryFolder
  private let file: StoredFile
  private let key: StoreKey
  /// Until the test is over.
  private let servers = Locked<[PythonServer]>([])

  init() throws {
    folder = try TemporaryFolder()
    file = try StoredFile.sample(at: folder.path.appending("object"), size: 200_000, seed: 1, LinuxFiles())
    key = try #require(StoreKey("\(uniqueName())/object.csv.gz"))
  }

  // MARK: Against real servers

  @Test func aPrivateAuthorityIsAcceptedAndOnlyIt() async throws {
    guard let servers = Servers.required() else { return }
    let right = try servers.store {
      $0.endpoint = servers.tls
      $0.caFile = FilePath(servers.ca)
    }
    #expect(try await right.create(file, at: key).outcome == .created)
    for ca in [servers.otherCA, nil, "/nonexistent/ca.pem"] {
      let fault = try await fault {
        // One that cannot be read is refused before anything is asked.
        let wrong = try servers.store {
          $0.endpoint = servers.tls
          $0.caFile = ca.map { FilePath($0) }
        }
        _ = try await wrong.stat(key)
      }
      #expect(fault.kind == .untrusted, "\(ca ?? "the machine's own"): \(fault)")
      #expect(fault.remedy?.contains("ca_file") == true)
    }
  }

  @Test func aClockThatIsWrongIsCorrectedByTheServers() async throws {
    guard let servers = Servers.required() else { return }
    for minutes in [-40, 40] as [Int64] {
      let store = try servers.store(clock: { wallClock() + .seconds(minutes * 60) })
      let key = try #require(StoreKey("\(key)-\(minutes)"))
      // The first request is a HEAD, whose refusal has no words; then a PUT.
      #expect(try await store.stat(key) == nil)
      #expect(try await store.create(file, at: key).outcome == .created)
      let late = try servers.store(clock: { wallClock() + .seconds(minutes * 60) })
      #expect(try await late.create(file, at: key).outcome == .alreadyThere)
    }
  }

  @Test func wrongKeysPauseTheStore() async throws {
    guard let servers = Servers.required() else { return }
    let wrongs: [(kind: StoreKind, change: (inout S3Settings) -> Void)] = [
      (.denied, { $0.secretAccessKey = Secret("not-the-secret") }),
      (.denied, { $0.accessKeyID = Secret("AKIANOBODY0000000000") }),
      (.wrongPlace, { $0.bucket = "navette-no-such-bucket" }),
      (
        .wrongPlace,
        {
          $0.endpoint = servers.strict
          $0.region = "eu-west-9"
        }
      ),
    ]
    for (kind, wrong) in wrongs {
      let store = try servers.store(wrong)
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(fault.kind == kind, "\(fault)")
      #expect(fault.remedy != nil)
      for secret in ["not-the-secret", "AKIANOBODY0000000000", servers.secret, servers.readerSecret] {
        #expect(!fault.description.contains(secret))
      }
    }
  }

  @Test func goodKeysWithoutTheRightToWriteHoldTheBatch() async throws {
    guard let servers = Servers.required() else { return }
    let store = try servers.store {
      $0.accessKeyID = Secret(servers.readerID)
      $0.secretAccessKey = Secret(servers.readerSecret)
    }
    let fault = try await fault { _ = try await store.create(file, at: key) }
    #expect(fault.kind == .forbidden && fault.remedy?.contains("s3:PutObject") == true, "\(fault)")
    #expect(!fault.description.contains(servers.readerSecret))
  }

  @Test func aFileThatChangedOnOurDiskIsHeldNotRetried() async throws {
    guard let servers = Servers.required() else { return }
    try files.remove(file.path)
    _ = try StoredFile.sample(at: file.path, size: 200_000, seed: 2, files)
    for endpoint in [servers.s3, servers.strict] {
      let store = try servers.store { $0.endpoint = endpoint }
      let fault = try await fault { _ = try await store.create(file, at: key) }
      #expect(fault.kind == .refused, "\(fault)")
      #expect(try await store.stat(key) == nil)
    }
    try files.remove(file.path)
    let gone = try await fault { _ = try await servers.store().create(file, at: key) }
    #expect(gone.kind == .refused)
  }

  @Test func aPrefixIsPartOfEveryKeyAndOfNoName() async throws {
    guard let servers = Servers.required() else { return }
    let prefix = uniqueName()
    let store = try servers.store { $0.prefix = prefix }
    _ = try await store.create(file, at: key)
    #expect(try await servers.store().stat(try #require(StoreKey("\(prefix)/\(key)")))?.size == file.size)
    let keys = Locked<[String]>([])
    try await store.list("") { page in keys.withLock { $0 += page.map(\.key) } }
    #expect(keys.withLock { $0 } == [key.description])
  }

  @Test(.timeLimit(.minutes(1)))
  func aSilentServerIsGivenUp() async throws {
    guard let servers = Servers.required() else { return }
    let proxy = try await PythonServer.proxy(to: servers.s3, "stall")
    let store = try servers.store(stall: .seconds(2)) { $0.endpoint = "http://127.0.0.1:\(proxy.port)" }
    let start = ContinuousClock.now
    #expect(try await fault { _ = try await store.stat(key) }.kind == .unreachable)
    #expect(ContinuousClock.now - start < .seconds(15))
  }

  @Test func anAnswerCutShortIsNoAnswer() async throws {
    guard let servers = Servers.required() else { return }
    _ = try await servers.store().create(file, at: key)
    let proxy = try await PythonServer.proxy(to: servers.s3, "cut-reply:50000")
    let store = try servers.store { $0.endpoint = "http://127.0.0.1:\(proxy.port)" }
    let copy = folder.path.appending("copy")
    #expect(try await fault { _ = try await store.read(key, into: copy) }.kind == .unreachable)
    #expect(try files.info(copy) == nil, "part of an object stayed behind")
    #expect(try await store.read(key, into: copy).sha256 == file.sha256)
  }

  // MARK: Against prepared answers

  private func canned(_ answers: String, _ change: (inout S3Settings) -> Void = { _ in }) async throws -> (
    any RemoteStore, PythonServer
  ) {
    let server = try await PythonServer.canned(answers)
    servers.withLock { $0.append(server) }
    return (try s3Store(cannedSettings(server.port, change)), server)
  }

  @Test func nobodyIsThereIsUnreachable() async throws {
    for endpoint in ["http://127.0.0.1:1", "http://no-such-host.invalid"] {
      let store = try s3Store(cannedSettings(1) { $0.endpoint = endpoint })
      #expect(try await fault { _ = try await store.stat(key) }.kind == .unreachable)
    }
  }

  @Test func aDigestThatDiffersIsAMismatch() async throws {
    let wrongMD5 = "\"00000000000000000000000000000000\""
    let (store, _) = try await canned(#"[{"headers":{"ETag":"\#(wrongMD5.replacing("\"", with: "\\\""))"}}]"#)
    #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .mismatch)
    let sha = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    let (other, _) = try await canned(#"[{"headers":{"ETag":"\"\#(file.md5)\"","x-amz-checksum-sha256":"\#(sha)"}}]"#)
    #expect(try await fault { _ = try await other.create(file, at: key) }.kind == .mismatch)
  }

  @Test func successWithoutAnyProofIsAskedFor() async throws {
    let stored = #"{"headers":{"Content-Length":"200000","x-amz-meta-navette-sha256":"\#(file.sha256)"}}"#
    let (store, _) = try await canned("[{},\(stored)]")
    #expect(try await store.create(file, at: key).outcome == .created)
    // S3 answers, and tells nothing; or it is not S3 that answers.
    for more in [#","x-amz-request-id":"1""#, ""] {
      let (vague, _) = try await canned(#"[{},{"headers":{"Content-Length":"200000"\#(more)}}]"#)
      #expect(try await fault { _ = try await vague.create(file, at: key) }.kind == .unreachable)
    }
    // It took something and knows nothing of it: tried again, until something is there that can be compared.
    let (forgetful, _) = try await canned(#"[{},{"status":404}]"#)
    #expect(try await fault { _ = try await forgetful.create(file, at: key) }.kind == .unreachable)
    let (there, _) = try await canned(
      #"[{"status":412},{"headers":{"Content-Length":"200000","x-amz-request-id":"1"}}]"#)
    #expect(try await fault { _ = try await there.create(file, at: key) }.kind == .mismatch)
  }

  @Test func anErrorInsideASuccessIsAnError() async throws {
    let body = "<Error><Code>InternalError</Code></Error>"
    let (store, _) = try await canned(#"[{"status":200,"headers":{"ETag":"\"\#(file.md5)\""},"body":"\#(body)"}]"#)
    #expect(try await fault { _ = try await store.create(file, at: key) }.kind == .throttled(afterMilliseconds: nil))
  }

  @Test func aKeyedTagIsNoMD5() async throws {
    let tag = #""ETag":"\"ffffffffffffffffffffffffffffffff\"""#
    let kms = #""x-amz-server-side-encryption":"aws:kms""#
    let stored =
      #"{"headers":{\#(tag),\#(kms),"Content-Length":"200000","x-amz-meta-navette-sha256":"\#(file.sha256)"}}"#
    let (store, _) = try await canned(#"[{"status":412},\#(stored)]"#)
    #expect(try await store.create(file, at: key).outcome == .alreadyThere)
  }

  @Test func aVersionIsDeletedUnderItsTag() async throws {
    let listed = ListedObject(key: key.description, size: 1, tag: "a1", modified: nil)
    let (other, asked) = try await canned(#"[{"status":412,"body":"<Error><Code>PreconditionFailed</Code></Error>"}]"#)
    #expect(try await !other.delete(key, listedAs: listed))
    #expect(asked.requests.count == 1 && asked.requests[0].contains(#""if-match": "\"a1\"""#))
    let (gone, _) = try await canned(#"[{"status":404,"body":"<Error><Code>NoSuchKey</Code></Error>"}]"#)
    #expect(try await gone.delete(key, listedAs: listed))
    // A service that does not know the condition deletes what is there, as it was looked at.
    let (old, twice) = try await canned(
      #"[{"status":501,"body":"<Error><Code>NotImplemented</Code></Error>"},{"status":204}]"#)
    #expect(try await old.delete(key, listedAs: listed))
    #expect(twice.requests.count == 2 && !twice.requests[1].contains("if-match"))
    let (broken, _) = try await canned(#"[{"status":503}]"#)
    #expect(
      try await fault { _ = try await broken.delete(key, listedAs: listed) }.kind == .throttled(afterMilliseconds: nil))
  }

  @Test("a 307 of a new bucket is followed, once, signed for that host; and not to where no object of ours may go")
  func redirect() async throws {
    let (_, other) = try await canned(#"[{"headers":{"ETag":"\"\#(file.md5)\""}}]"#)
    let error = "<Error><Code>TemporaryRedirect</Code></Error>"
    func redirect(_ location: String) -> String {
      #"[{"status":307,"headers":{"Location":"\#(location)"},"body":"\#(error)"}]"#
    }
    let (store, server) = try await canned(redirect("http://127.0.0.1:\(other.port)/bucket/elsewhere"))
    #expect(try await store.create(file, at: key).outcome == .created)
    let followed = try #require(try await other.requests(atLeast: 1).first)
    #expect(followed.hasPrefix("PUT /bucket/\(key) ") && followed.contains(#""host": "127.0.0.1:\#(other.port)""#))
    #expect(followed.contains(#""content-length": "\#(file.size)""#) && followed.contains("host;"))
    #expect(server.requests.count == 1)
    for location in ["http://elsewhere.invalid/bucket/k", "https://127.0.0.1:\(other.port)/bucket/k", "/bucket/k", ""] {
      let (astray, asked) = try await canned(redirect(location))
      #expect(try await fault { _ = try await astray.create(file, at: key) }.kind == .unreachable, "\(location)")
      #expect(asked.requests.count == 1)
    }
    #expect(other.requests.count == 1)
  }

  @Test func aBrokenListIsNotHalfAList() async throws {
    let item = "<Contents><Key>a</Key><Size>1</Size></Contents>"
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    let endless = "<ListBucketResult>\(more)\(item)</ListBucketResult>"
    for answer in [
      #"[{"body":"<ListBucketResult>\#(item)"}]"#, #"[{"body":"\#(endless)"}]"#, #"[{"body":"\#(endless)","cut":60}]"#,
      #"[{"body":"<html/>"}]"#,
    ] {
      let (store, _) = try await canned(answer)
      #expect(try await fault { try await store.list("") { _ in } }.kind == .unreachable)
    }
  }

  @Test func anUploadSaysWhatItMust() async throws {
    let (store, server) = try await canned(#"[{"headers":{"ETag":"\"\#(file.md5)\""}}]"#) {
      $0.sessionToken = Secret("a-session-token")
    }
    _ = try await store.create(file, at: key)
    // The line comes through a pipe.
    for _ in 0..<200 where server.requests.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
    let request = try #require(server.requests.first)
    #expect(request.hasPrefix("PUT /bucket/\(key) "))
    for part in [
      #""if-none-match": "*""#, #""x-amz-content-sha256": "\#(file.sha256)""#, #""content-length": "200000""#,
      #""x-amz-meta-navette-sha256": "\#(file.sha256)""#, #""x-amz-checksum-sha256": ""#, #""content-md5": ""#,
      #""user-agent": "navette/test""#, #""x-amz-security-token": "a-session-token""#,
    ] {
      #expect(request.contains(part), "\(part) is missing in \(request)")
    }
    for part in ["expect", "transfer-encoding", "accept-encoding"] { #expect(!request.contains("\"\(part)\"")) }
  }
}
