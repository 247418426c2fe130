import Testing

@testable import Config

@Suite("What is wrong is told with its place, its key, and what to write instead")
struct WalkErrorTests {
  @Test(
    "in a feed",
    arguments: [
      ("handovr_name: x", "5:5: feeds.in.handovr_name: unknown key. Did you mean handover_name?"),
      (
        "colour: x",
        "5:5: feeds.in.colour: unknown key. Known here: landing, handover, include, exclude, recursive, "
          + "handover_name, mode, owner, group, collision, packed_max_bytes, ready, format, require, duplicates, unique, rejects, "
          + "archive, quarantine, decrypt, "
          + "rewrite, expect and pull"
      ),
      (
        "include: x",
        "5:14: feeds.in.include: expected a list, each of it a pattern for a file's name, such as \"*.csv\", "
          + "without a slash, with at least one, found \"x\""
      ),
      (
        "include: [\"*\", \"a/b\"]",
        "5:20: feeds.in.include[1]: expected a pattern for a file's name, such as \"*.csv\", "
          + "without a slash, found \"a/b\""
      ),
      ("exclude: [a, a]", "5:18: feeds.in.exclude[1]: this value stands in the list twice"),
      (
        "mode: \"0888\"",
        "5:11: feeds.in.mode: expected an octal file mode such as \"0660\" that lets the owner read, found \"0888\""
      ),
      (
        "mode: \"0060\"",
        "5:11: feeds.in.mode: expected an octal file mode such as \"0660\" that lets the owner read, found \"0060\""
      ),
      (
        "collision: renam",
        "5:16: feeds.in.collision: expected rename, replace or fail, found \"renam\". Did you mean rename?"
      ),
      (
        "handover_name: \"{nam}\"",
        "5:20: feeds.in.handover_name: expected only the placeholders {name}, {stem}, {ext}, {feed}, "
          + "{drop}, {utc} and {folder}. Did you mean {name}?"
      ),
      (
        "handover_name: \"{name\"",
        "5:20: feeds.in.handover_name: a brace is not closed, or not opened. "
          + "Write placeholders as {name}"
      ),
      (
        "handover_name: \"a/{name}\"",
        "5:20: feeds.in.handover_name: expected a name without slashes that does not begin with a dot"
      ),
      (
        "ready: { settle: 2 }",
        "5:22: feeds.in.ready.settle: expected auto or a time such as 30s, 15m or 4h, at most 1d, found \"2\""
      ),
      (
        "ready: { settle: 25h }",
        "5:22: feeds.in.ready.settle: expected auto or a time such as 30s, 15m or 4h, at most 1d, found \"25h\""
      ),
      ("ready: soon", "5:12: feeds.in.ready: expected a map of keys, found a text"),
      (
        "ready: settle:2s",
        "5:12: feeds.in.ready: expected a map of keys, found a text. Put a space after the colon of a key"
      ),
      (
        "format: { header: \"true\" }",
        "5:23: feeds.in.format.header: expected true or false, found \"true\". Did you mean true?"
      ),
      ("format: { header: yes }", "5:23: feeds.in.format.header: expected true or false, found \"yes\""),
      (
        "format: { delimiter: x }",
        "5:26: feeds.in.format.delimiter: expected auto or one of \",\" \"\\t\" \";\" \"|\" \":\", found \"x\""
      ),
      (
        "require: { min_rows: -1 }",
        "5:26: feeds.in.require.min_rows: expected a whole number of at least 0, found \"-1\""
      ),
      (
        "require: { min_rows: 99999999999999999999 }",
        "5:26: feeds.in.require.min_rows: expected a whole number of at least 0, found \"99999999999999999999\""
      ),
      (
        "require: { max_row_bytes: 1GiB }",
        "5:31: feeds.in.require.max_row_bytes: expected a size such as 256MiB, 10MB or a "
          + "number of bytes, from 1 to 256MiB, found \"1GiB\""
      ),
      (
        "require: { max_bytes: 0 }",
        "5:27: feeds.in.require.max_bytes: expected a size such as 256MiB, 10MB or a number of bytes, "
          + "at least 1, found \"0\""
      ),
      (
        "require: { max_rows: 1, min_rows: 2 }",
        "5:26: feeds.in.require.max_rows: no file can have at least 2 (min_rows) and at "
          + "most 1 row"
      ),
      (
        "require: { columns_exact: true }",
        "5:31: feeds.in.require.columns_exact: this needs the names of the columns. Fill columns"
      ),
      (
        "require: { types: { email: emial } }",
        "5:32: feeds.in.require.types.email: expected email, date, datetime, number, integer or boolean, or a pattern. "
          + "Did you mean email?"
      ),
      (
        "require: { types: { id: \"[A-Z\" } }",
        "5:29: feeds.in.require.types.id: this is no pattern: a set is not closed at character 5"
      ),
      (
        "require: { types: { id: \"(a|b)*a(a|b){12}\" } }",
        "5:29: feeds.in.require.types.id: this is no pattern: it needs more than 2000 states; make it simpler"
      ),
      (
        "require: { length: { id: 0 } }",
        "5:30: feeds.in.require.length.id: expected a whole number from 1 to 268435456, found \"0\""
      ),
      (
        "rejects: { at_most: 0% }",
        "5:25: feeds.in.rejects.at_most: expected a share of the rows such as 1% or 0.25%, or a number of rows such as 100, "
          + "found \"0%\""
      ),
      (
        "unique: { columns: [id], keep: first }",
        "5:36: feeds.in.unique.keep: rows can only be left out where rejects says how many. "
          + "Set rejects: { at_most: … }, or leave keep out"
      ),
      (
        "archive: { keep: 36501d }",
        "5:22: feeds.in.archive.keep: expected a time such as 30s, 15m or 4h, at most 36500d, "
          + "found \"36501d\""
      ),
      ("duplicates:", "5:16: feeds.in.duplicates: expected skip, quarantine or deliver, found nothing"),
      ("duplicates: [skip]", "5:17: feeds.in.duplicates: expected skip, quarantine or deliver, found a list"),
      (
        "duplicates: a@example.com",
        "5:17: feeds.in.duplicates: expected skip, quarantine or deliver, found another text (not shown)"
      ),
      (
        "collision: fail\ncollision: fail",
        "6:5: feeds.in.collision: this key stands here twice; "
          + "first at /etc/navette/navette.yaml:5:5"
      ),
    ])
  func feed(lines: String, expected: String) { #expect(Lane.feed(lines).problems() == [expected]) }

  @Test(
    "in a stream",
    arguments: [
      (
        "batch: { max_age: [4h] }",
        "8:23: streams.out.batch.max_age: expected a time such as 30s, 15m or 4h, from 1ms to 365d, found a list"
      ),
      (
        "batch: { max_bytes: 2TiB }",
        "8:25: streams.out.batch.max_bytes: expected a size such as 256MiB, 10MB or a number of bytes, "
          + "from 1 to 1TiB, found \"2TiB\""
      ),
      (
        "compression: { level: 10 }",
        "8:27: streams.out.compression.level: expected a whole number from 1 to 9, found \"10\""
      ),
      (
        "compression: { level: \"6\" }",
        "8:27: streams.out.compression.level: expected a whole number from 1 to 9, found \"6\""
      ),
      (
        "key: \"{stream}.gz\"",
        "8:10: streams.out.key: expected {seq} in the template: without it two batches could get one name"
      ),
      (
        "key: \"{seq}é\"",
        "8:10: streams.out.key: expected only A-Z a-z 0-9 . _ - = and single slashes between the parts, with no part . or .."
      ),
      (
        "key: \"/{seq}\"",
        "8:10: streams.out.key: expected only A-Z a-z 0-9 . _ - = and single slashes between the parts, with no part . or .."
      ),
      (
        "key: \"../{seq}\"",
        "8:10: streams.out.key: expected only A-Z a-z 0-9 . _ - = and single slashes between the parts, with no part . or .."
      ),
      (
        "key: \"{sqe}\"",
        "8:10: streams.out.key: expected only the placeholders {stream}, {date}, {host}, {utc}, {seq} and {schema}. Did you mean {seq}?"
      ),
      (
        "header: { from: frist_line }",
        "8:21: streams.out.header.from: expected first_line, none, or a list of names of columns, "
          + "found \"frist_line\". Did you mean first_line?"
      ),
      (
        "header: { from: [] }",
        "8:21: streams.out.header.from: expected a list, each of it the name of a column, with at least one, found a list"
      ),
      ("reopen: [kill]", "8:14: streams.out.reopen[0]: expected a program by its absolute path, found \"kill\""),
      (
        "reopen: kill",
        "8:13: streams.out.reopen: expected a list: a program by its absolute path, and its arguments, found \"kill\""
      ),
    ])
  func stream(lines: String, expected: String) { #expect(Lane.stream(lines).problems() == [expected]) }

  @Test(
    "in a store, without any of its values",
    arguments: [
      ("regoin: x", "7:5: stores.aep.regoin: unknown key. Did you mean region?"),
      (
        "private_key: x",
        "7:5: stores.aep.private_key: this key has no meaning here: it belongs to stores whose url begins with sftp://"
      ),
      (
        "concurrency: 65",
        "7:18: stores.aep.concurrency: expected a whole number from 1 to 64, found another text (not shown)"
      ),
      (
        "checksum: allways",
        "7:15: stores.aep.checksum: expected when_supported or when_required, found another text (not shown)"
      ),
      (
        "endpoint: s3.example.net",
        "7:15: stores.aep.endpoint: expected https://HOST or https://HOST:PORT, found another text (not shown)"
      ),
      (
        "endpoint: https://h:99999",
        "7:15: stores.aep.endpoint: expected https://HOST or https://HOST:PORT, found another text (not shown)"
      ),
      (
        "endpoint: https://h/path",
        "7:15: stores.aep.endpoint: expected https://HOST or https://HOST:PORT, found another text (not shown)"
      ),
      (
        "ca_file: ca.pem",
        "7:14: stores.aep.ca_file: expected a file with certificates: an absolute path without . or .., "
          + "found another text (not shown)"
      ),
      (
        "session_token: \"\"",
        "7:20: stores.aep.session_token: expected a secret, best as ${credential:NAME} or ${file:/path}, found an empty text"
      ),
      (
        "kms_key_id: x", "2:3: stores.aep.kms_key_id: a key of KMS needs server_side_encryption: aws:kms"
      ),
      (
        "tags: {a: b, c: b, d: b, e: b, f: b, g: b, h: b, i: b, j: b, k: b, l: b}",
        "2:3: stores.aep.tags: 11 tags, and an object takes 10"
      ),
      (
        "profile: x",
        "2:3: stores.aep.profile: access_key_id and secret_access_key are given: keep them, or the profile"
      ),
      ("external_id: x", "2:3: stores.aep.external_id: it is told when a role is taken on: role_arn is missing"),
      ("timeouts: { conect: 1s }", "7:17: stores.aep.timeouts.conect: unknown key. Did you mean connect?"),
      (
        "lifetime: week",
        "7:15: stores.aep.lifetime: expected a time such as 30s, 15m or 4h, at most 36500d, found another text (not shown)"
      ),
    ])
  func store(lines: String, expected: String) { #expect(Lane.s3(lines).problems() == [expected]) }

  @Test(
    "in an address of a store",
    arguments: ["s3://", "s3:///x", "s3://A-B-C", "s3://ab", "s3://bucket/a b", "s3://bucket/a//b", "s3://bucket/../b"])
  func address(url: String) {
    #expect(
      Bench("stores:\n  a:\n    url: \"\(url)\"\n    region: x\n    colour: x\n").problems().first
        == "3:10: stores.a.url: expected s3://BUCKET/PREFIX (the bucket 3 to 63 of a-z 0-9 . -, the prefix of "
        + "A-Z a-z 0-9 . _ - / = and optional), found another text (not shown)")
  }

  @Test(
    "in addresses of other schemes",
    arguments: ["file://host/x", "file:///", "file:relative", "file:///a/../b", "file:///a%zz"])
  func folders(url: String) {
    #expect(
      Bench("stores: {a: {url: \"\(url)\"}}").problems() == [
        "1:19: stores.a.url: expected file:///absolute/folder, found another text (not shown)"
      ])
  }

  @Test("in the whole")
  func whole() {
    #expect(
      Bench("[a]").problems() == ["1:1: expected a map of keys, found a list"])
    #expect(
      Bench("state: var/lib\nhost: a b\nlimits: {bandwith: 0}\nfeeds: {-x: {}}\n").problems() == [
        "1:8: state: expected the state folder: an absolute path without . or .., found \"var/lib\"",
        "2:7: host: expected a name of up to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit, or \"\", found \"a b\"",
        "3:10: limits.bandwith: unknown key. Did you mean bandwidth?",
        "4:9: feeds.-x: expected a name of 1 to 64 letters, digits, dots, underscores and hyphens that begins with a letter or digit",
      ])
  }

  @Test("what is missing is told where it should stand")
  func missing() {
    #expect(
      Bench("feeds:\n  in: {}\nstreams:\n  out: {logs: []}\nstores:\n  aep: {url: \"s3://bucket\", access_key_id: x}\n")
        .problems() == [
          "2:3: feeds.in.handover: this key is missing: give the folder that the consumer watches: an absolute path without . or ..",
          "2:3: feeds.in.landing: this key is missing: give the folder where files arrive: an absolute path without . or ..",
          "4:3: streams.out.store: this key is missing: give the name of a store, or a list of names",
          "4:15: streams.out.logs: expected a list, each of it an absolute path such as /var/log/app/opens.csv, with *, ? and [ ] "
            + "only after the last slash, with at least one, found a list",
          "6:3: stores.aep.region: this key is missing: give the name of a region such as eu-west-1",
          "6:3: stores.aep.secret_access_key: this key is missing: access_key_id and secret_access_key go together",
        ])
  }

  @Test(
    "logs are absolute, and a pattern is in their names only",
    arguments: ["opens.csv", "/var/*/opens.csv", "/var/log/", "/var/log/../x", "/var/log/[a", "/"])
  func logs(log: String) {
    let problems = Bench(Lane.shelf + "streams:\n  s: {logs: [\"\(log)\"], store: shelf}\n").problems()
    #expect(problems.count == 1)
    #expect(
      problems.first?.hasPrefix(
        log == "/var/log/[a"
          ? "5:14: streams.s.logs[0]: the pattern cannot be used: a [ has no ]"
          : "5:14: streams.s.logs[0]: expected an absolute path such as") == true)
  }

  @Test("all of it at once, in the order of the lines")
  func everything() {
    let text = Lane.feedHead + "    mod: 1\n    mode: 9\n    ready: {settle: x, y: 1}\n  b: {landing: a}\nx: 1\n"
    let lines = Bench(text).problems().compactMap { $0.split(separator: ":").first.flatMap { Int($0) } }
    #expect(lines == [5, 6, 7, 7, 8, 8, 9])
  }

  @Test("keys of stores that come later are checked as well")
  func later() {
    let text = """
      stores:
        blob: { url: "azblob://account/container", account_key: "${KEY}", sas_token: "${KEY}" }
        partner: { url: "sftp://u@h:22/folder", password: "${KEY}", colour: x }
      """
    #expect(
      Bench(text, environment: Lane.keys).problems() == [
        "2:3: stores.blob: expected exactly one of account_key, sas_token, connection_string or identity, "
          + "found account_key and sas_token",
        "3:3: stores.partner: expected exactly one of known_hosts, host_key_sha256 or host_key, found none",
        "3:63: stores.partner.colour: unknown key. Known here: url, lifetime, timeouts, concurrency, proxy, for, probe, trust, budget, "
          + "private_key, passphrase, password, known_hosts, host_key_sha256, host_key, file_mode and dir_mode",
      ])
  }

  @Test("an SFTP store has a key or a password, and knows its server")
  func sftp() throws {
    let pin = String(repeating: "aB0+/", count: 9).prefix(43)
    let text = """
      stores:
        a: { url: "sftp://u@h/folder", private_key: "${KEY}", passphrase: "${KEY}", known_hosts: /etc/hosts.ssh }
        b: { url: "sftp://u@[::1]:2222/f/g", password: "${KEY}", host_key_sha256: "SHA256:\(pin)" }
      """
    let stores = try Bench(text, environment: Lane.keys).read().stores
    let secret = Secret(try #require(Lane.keys["KEY"]))
    #expect(
      stores.map(\.target) == [
        .sftp(
          SFTPSettings(
            user: "u", host: "h", folder: "/folder", access: .privateKey(secret, passphrase: secret),
            hostKey: .knownHosts("/etc/hosts.ssh"))),
        .sftp(
          SFTPSettings(
            user: "u", host: "[::1]", port: 2222, folder: "/f/g", access: .password(secret),
            hostKey: .pinned(String(pin)))),
      ])
    for wrong in ["SHA256:\(pin)x", "MD5:\(pin)", "\(pin.dropLast())_", ""] {
      let problems = Bench(text.replacing("SHA256:\(pin)", with: wrong), environment: Lane.keys).problems()
      #expect(problems.count == 1 && problems[0].contains("stores.b.host_key_sha256: expected the SHA-256"))
    }
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIJ5xJ8b7sB0Qb3n9c1kYb2pQ0n3m5r7t9v1x3z5B7D9F"
    let whole = """
      stores:
        a: { url: "sftp://u@h/", password: "${KEY}", host_key: "ssh-ed25519 \(key) root@h", file_mode: "0664", dir_mode: "0775" }
        b: { url: "sftp://u@h/~/in", password: "${KEY}", host_key: "ssh-ed25519 \(key)", proxy: "socks5h://127.0.0.1:1080" }
      """
    var a = SFTPSettings(
      user: "u", host: "h", folder: "/", access: .password(secret), hostKey: .key("ssh-ed25519 \(key)"))
    (a.fileMode, a.folderMode) = (0o664, 0o775)
    var b = a
    (b.folder, b.fileMode, b.folderMode) = ("/~/in", 0o640, 0o750)
    #expect(try Bench(whole, environment: Lane.keys).read().stores.map(\.target) == [.sftp(a), .sftp(b)])
    for wrong in [
      "ssh-dss \(key)", "ssh-rsa \(key)", "ssh-ed25519", "ssh-ed25519 \(key.dropLast())", "ssh-ed25519 \(key)_AAA",
    ] {
      let problems = Bench(
        whole.replacing("\"ssh-ed25519 \(key)\"", with: "\"\(wrong)\""), environment: Lane.keys
      ).problems()
      #expect(problems.count == 1 && problems[0].contains("stores.b.host_key: expected a public key"), "\(problems)")
    }
    #expect(Bench(whole.replacing("0775", with: "0660"), environment: Lane.keys).problems().count == 1)
    let lone = Bench(text.replacing("private_key", with: "password"), environment: Lane.keys).problems()
    #expect(lone == ["2:3: stores.a.passphrase: it opens a private_key, and there is none"])
  }
}
