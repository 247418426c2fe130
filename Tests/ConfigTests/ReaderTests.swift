import Core
import SystemPackage
import Testing

@testable import Config

@Suite("Reading a configuration")
struct ReaderTests {
  @Test(
    "an agent with nothing to do is legal",
    arguments: [
      "", "feeds: {}\nstreams: {}\n", "feeds:\nstreams:\nstores:\n", "{\"feeds\": {}, \"streams\": {}}", "state: /x",
    ])
  func nothing(text: String) throws {
    let settings = try Bench(text).read()
    #expect(settings.feeds.isEmpty && settings.streams.isEmpty && settings.stores.isEmpty)
    #expect(settings.host == "acc-prod")
  }

  @Test("a lane with its necessary keys alone has the documented defaults")
  func defaults() throws {
    let feed = try Bench(Lane.feedHead).read().feeds[0]
    #expect(feed == FeedSettings(name: try #require(FeedName("in")), landing: "/srv/landing", handover: "/srv/import"))
    let settings = try Bench(Lane.streamHead).read()
    let shelf = try #require(StoreName("shelf"))
    #expect(
      settings.streams == [
        StreamSettings(name: try #require(StreamName("out")), logs: ["/var/log/app/out.csv"], stores: [shelf])
      ])
    #expect(settings.stores == [StoreSettings(name: shelf, target: .folder("/srv/shelf"))])
    #expect(settings.limits == LimitSettings() && settings.state == "/var/lib/navette")
  }

  @Test("every setting that works arrives where it belongs")
  func feed() throws {
    let feed = try Lane.feed(
      """
      include: ["*.csv", "[a-c]?.txt"]
      exclude: ["test-*"]
      handover_name: "{feed}-{stem}_{utc}.{ext}"
      mode: "0640"
      collision: fail
      ready: { settle: 500ms }
      format: { delimiter: "\\t", quote: "\\0", escape: "\\\\", line_end: cr, header: false }
      require:
        columns: [id, "e mail"]
        columns_exact: true
        empty: archive
        min_rows: 2
        max_rows: 3
        max_bytes: 5MB
        max_row_bytes: 2KiB
      duplicates: deliver
      archive: { keep: 1d, max_bytes: 1GiB }
      quarantine: { keep: 0s }
      """
    ).read().feeds[0]
    #expect(feed.include == ["*.csv", "[a-c]?.txt"] && feed.exclude == ["test-*"])
    #expect(feed.handoverName == "{feed}-{stem}_{utc}.{ext}" && feed.mode == 0o640 && feed.collision == .fail)
    #expect(feed.settle == .milliseconds(500))
    #expect(feed.format.delimiter == 9 && feed.format.quote == 0 && feed.format.escape == .backslash)
    #expect(!feed.format.header && feed.format.lineEnd == .cr)
    #expect(feed.require.columns == ["id", "e mail"] && feed.require.columnsExact && feed.require.empty == .archive)
    #expect(feed.require.minRows == 2 && feed.require.maxRows == 3)
    #expect(feed.require.maxBytes == 5_000_000 && feed.require.maxRowBytes == 2_048)
    #expect(feed.duplicates == .deliver && feed.archiveKeep == .seconds(86_400) && feed.archiveMaxBytes == 1 << 30)
    #expect(feed.quarantineKeep == .zero)
  }

  @Test("an S3 store without keys leaves them to the AWS chain")
  func chain() throws {
    let settings = try Bench(
      "stores:\n  a: {url: \"s3://bucket\", region: x, profile: crm, role_arn: r, external_id: e, role_session_name: s-1,\n"
        + "    sts_endpoint: \"https://sts.example.net\", dualstack: true, requester_pays: true, legal_hold: true,\n"
        + "    object_lock: {mode: COMPLIANCE, days: 7}}\n"
    ).read()
    guard case .s3(let s3) = settings.stores[0].target else {
      Issue.record("not S3")
      return
    }
    #expect(s3.accessKeyID == nil && s3.secretAccessKey == nil && s3.sessionToken == nil)
    #expect(s3.roleSessionName == "s-1" && s3.stsEndpoint == "https://sts.example.net" && s3.variants == [.dualstack])
    #expect(s3.requesterPays && s3.legalHold && s3.objectLock == S3Settings.ObjectLock(mode: .compliance, days: 7))
    #expect(s3.profile == "crm" && s3.roleARN == "r" && s3.externalID == "e")
    #expect(
      Bench("stores:\n  a: {url: \"s3://bucket\", region: x, session_token: t}\n").problems() == [
        "2:3: stores.a.session_token: it belongs to an access_key_id and a secret_access_key, and there are none"
      ])
  }

  @Test("so do those of a stream, a store and the whole")
  func stream() throws {
    let store = Lane.indented(
      """
      endpoint: https://s3.example.net:9000/
      force_path_style: true
      session_token: "${KEY}"
      ca_file: /etc/ssl/ca.pem
      checksum: when_required
      storage_class: GLACIER_IR
      server_side_encryption: aws:kms
      kms_key_id: alias/campaign
      tags: { team: crm, "cost center": "12 %" }
      acl: bucket-owner-full-control
      proxy: "http://u:p@proxy:3128"
      lifetime: 7d
      timeouts: { connect: 1s, stall: 2m }
      concurrency: 9
      """)
    let rest = """
        b:
          url: file:///srv/my%20shelf/
      state: /srv/state/
      host: web-1
      limits: { spool_max_bytes: 1MiB, min_free: 0, workers: 3 }
      streams:
        out:
          logs: ["/var/log/app/a?.csv", /var/log/app/b.csv]
          store: [aep, b]
          reopen: [/bin/kill, -HUP, "1"]
          header: { from: [id, ts] }
          record: line
          batch: { max_bytes: 1KiB, max_age: 1s, max_rows: 7, max_record: 100 }
          compression: { level: 9 }
          key: "x/{stream}-{seq}"
          delivered: { keep: 0s }
      """
    let settings = try Bench(Lane.s3Head + store + rest, environment: Lane.keys).read()
    #expect(settings.state == "/srv/state" && settings.host == "web-1")
    #expect(settings.limits.spoolMaxBytes == 1 << 20 && settings.limits.minFree == 0 && settings.limits.workers == 3)
    let aep = settings.stores[0]
    guard case .s3(let s3) = aep.target else {
      Issue.record("not S3")
      return
    }
    #expect(s3.bucket == "bucket-one" && s3.prefix == "prefix" && s3.endpoint == "https://s3.example.net:9000")
    #expect(s3.forcePathStyle && s3.caFile == "/etc/ssl/ca.pem" && s3.checksum == .whenRequired)
    #expect(s3.accessKeyID?.reveal() == "AKIDINVENTED" && s3.acl == "bucket-owner-full-control")
    #expect(s3.storageClass == "GLACIER_IR" && s3.serverSideEncryption == .kms && s3.kmsKeyID == "alias/campaign")
    #expect(s3.tags == ["team": "crm", "cost center": "12 %"] && aep.proxy == Secret("http://u:p@proxy:3128"))
    #expect(s3.sessionToken?.reveal() == "invented-secret-value" && s3.sessionToken == s3.secretAccessKey)
    #expect(aep.lifetime == .seconds(7 * 86_400) && aep.concurrency == 9)
    #expect(aep.connectTimeout == .seconds(1) && aep.stallTimeout == .seconds(120))
    #expect(settings.stores[1].target == .folder("/srv/my shelf"))
    let stream = settings.streams[0]
    #expect(stream.logs == ["/var/log/app/a?.csv", "/var/log/app/b.csv"] && stream.stores.map(\.text) == ["aep", "b"])
    #expect(stream.reopen == ["/bin/kill", "-HUP", "1"] && stream.header == .columns(["id", "ts"]))
    #expect(stream.record == .line && stream.compressionLevel == 9 && stream.key == "x/{stream}-{seq}")
    #expect(stream.batch.maxBytes == 1_024 && stream.batch.maxAge == .seconds(1) && stream.batch.maxRows == 7)
    #expect(stream.batch.maxRecord == 100 && stream.deliveredKeep == .zero)
  }

  @Test("the host's own name is made safe for object names")
  func host() {
    #expect(Text.safeHost("acc prod/1") == "acc-prod-1")
    #expect(Text.safeHost("..é") == "localhost")
    #expect(Text.safeHost("") == "localhost")
    #expect(Text.safeHost(String(repeating: "a", count: 200)).count == 64)
    #expect(!ConfigReader.machineName().isEmpty)
  }

  @Test("an S3 service has a region only if it is Amazon's, and no bucket's name before an address")
  func regions() throws {
    let text = """
      stores:
        a: { url: "s3://bucket", endpoint: "http://127.0.0.1:9000", access_key_id: a, secret_access_key: b }
        b: { url: "s3://bucket/x/", endpoint: "https://s3.example.net", access_key_id: a, secret_access_key: b }
      """
    let targets = try Bench(text).read().stores.map(\.target)
    guard case .s3(let a) = targets[0], case .s3(let b) = targets[1] else {
      Issue.record("not S3")
      return
    }
    #expect(a.region == "us-east-1" && a.forcePathStyle && a.prefix.isEmpty)
    #expect(!b.forcePathStyle && b.prefix == "x")
  }

  @Test("files of conf.d are merged in the order of their names, and only *.yaml")
  func merge() throws {
    let bench = Bench(
      Lane.shelf + "feeds: {}\nlimits: {min_free: 5}\n",
      [
        "/etc/navette/conf.d/20-b.yaml": "streams:\n  b: {logs: [/l/b], store: shelf}\n",
        "/etc/navette/conf.d/10-a.yaml": "streams:\n  a: {logs: [/l/a], store: shelf}\nlimits: {spool_max_bytes: 6}\n",
        "/etc/navette/conf.d/30.yaml": "",
        "/etc/navette/conf.d/.hidden.yaml": "nonsense: 1",
        "/etc/navette/conf.d/README": "nonsense",
      ])
    let settings = try bench.read()
    #expect(settings.streams.map(\.name.text) == ["a", "b"])
    #expect(settings.limits.minFree == 5 && settings.limits.spoolMaxBytes == 6)
  }

  @Test("a key in two files is an error that names both places; problems come in the order of the files")
  func twice() {
    let more = "state: /b\nstores:\n  shelf: {url: file:///x}\nlimits: {min_free: 1}\nfeeds: [x]\nnope: 1\n"
    let bench = Bench(
      Lane.shelf + "state: /a\nlimits: {min_free: 5}\nhots: x\n", ["/etc/navette/conf.d/a.yaml": more])
    let other = "/etc/navette/conf.d/a.yaml"
    let main = Bench.file
    #expect(
      bench.problems() == [
        "6:1: hots: unknown key. Did you mean host?",
        "\(other):1:1: state: this key stands in two files; first at \(main):4:1",
        "\(other):3:3: stores.shelf: this key stands in two files; first at \(main):2:3",
        "\(other):4:10: limits.min_free: this key stands in two files; first at \(main):5:10",
        "\(other):5:8: feeds: expected a map of keys, found a list",
        "\(other):6:1: nope: unknown key. Known here: state, host, stores, feeds, streams, metrics and limits",
      ])
  }

  @Test("files that cannot be read say why and what to do")
  func unreadable() {
    var bench = Bench("")
    bench.files = [:]
    #expect(
      bench.problems()
        == [
          "/etc/navette/navette.yaml: cannot be read: No such file or directory. Create it, or name another file with --config"
        ].map { String($0.dropFirst(Bench.file.count + 1)) })
    let workshop = Workshop()
    let folder = workshop.folder("as-file.yaml")
    do throws(ConfigProblems) {
      _ = try ConfigReader.read(file: folder, environment: [:])
      Issue.record("a folder was read")
    } catch {
      #expect(error.description == "\(folder): cannot be read: Is a directory")
    }
  }

  @Test("the disk is read as the tests' memory is")
  func disk() throws {
    let workshop = Workshop()
    let main = workshop.file("navette.yaml", "state: ${file:\(workshop.path("where"))}\n")
    workshop.file("where", "/srv/state\r\n")
    workshop.folder("conf.d")
    workshop.file("conf.d/a.yaml", Lane.feedHead)
    let settings = try ConfigReader.read(file: main, environment: [:])
    #expect(settings.state == "/srv/state" && settings.feeds.count == 1)
    #expect(throws: FileFault.self) { try ConfigSource.disk.read(main, 10) }
  }
}
