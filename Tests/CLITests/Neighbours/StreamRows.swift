import Foundation
import TestKit
import Testing

extension BadThing {
  static let logs: [BadThing] = [
    BadThing(
      name: "a log that may not be read", isUsers: true,
      put: { site in try await site.shell("printf 'id,label\\n7,x\\n' > log/shut.csv && chmod 600 log/shut.csv") },
      named: ["shut.csv"], told: ["log_waiting"],
      mend: { site in try await site.shell("chown \(user) log/shut.csv") },
      right: { site in try await site.records().contains("7,x") }),
    BadThing(
      name: "a log whose rotated name does not fit",
      put: { site in
        try await site.shell("n=$(head -c 245 /dev/zero | tr '\\0' n).csv; printf 'id,label\\n7,x\\n' > log/$n")
      },
      named: ["File name too long"], told: ["log_waiting"],
      mend: { site in try await site.shell("mv log/nnn*.csv log/short.csv") },
      right: { site in try await site.records().contains("7,x") }),
    BadThing(
      name: "a sparse log of 4 TiB",
      put: { site in try await site.shell("printf 'id,label\\n7,x\\n' > h && truncate -s 4T h && mv h log/huge.csv") },
      told: ["source_gap"], right: { site in try await site.records().contains("7,x") }),
    BadThing(
      name: "a sparse log of 4 TiB without a header",
      put: { site in try await site.shell("truncate -s 4T log/huge.csv") },
      named: ["huge.csv"], told: ["log_waiting"], mend: { site in try await site.shell("rm -f log/huge.csv*") }),
    BadThing(
      name: "a sparse log of 4 TiB that is emptied in place", stream: "rotation: copytruncate",
      put: { site in try await site.shell("truncate -s 4T log/huge.csv") }),
    BadThing(
      name: "a record of 300 MB",
      put: { site in
        try await site.shell(
          "(printf 'id,label\\n7,x\\n'; head -c 300000000 /dev/zero | tr '\\0' y; printf '\\n8,x\\n') > h && mv h log/large.csv"
        )
      },
      told: ["source_gap"],
      right: { site in
        let sent = try await site.records()
        return sent.contains("7,x") && sent.contains("8,x")
      }),
    BadThing(name: "a pipe among the logs", put: { site in try await site.shell("mkfifo log/pipe.csv") }),
    BadThing(name: "a folder among the logs", put: { site in try await site.shell("mkdir log/folder.csv") }),
    BadThing(name: "a link among the logs", put: { site in try await site.shell("ln -s /etc/passwd log/link.csv") }),
    BadThing(
      name: "a log that may not be changed",
      put: { site in try await site.shell("printf 'id,label\\n7,x\\n' > log/fixed.csv && chattr +i log/fixed.csv") },
      named: ["fixed.csv"], mend: { site in try await site.shell("chattr -i log/fixed.csv") },
      right: { site in try await site.records().contains("7,x") }),
    BadThing(
      name: "one of two log folders that is gone", stream: "rotation: rename",
      before: { site in
        let text = try #require(site.text("navette.yaml"))
        let logs = "\(site.folder.path)/log/*.csv"
        try site.write(
          "navette.yaml", text.replacing("\"\(logs)\"", with: "\"\(logs)\", \"\(site.folder.path)/log3/*.csv\""))
        try site.makeFolder("log3")
      },
      put: { site in try await site.shell("rmdir log3") },
      named: ["log3"], mend: { site in try await site.shell("mkdir log3; printf 'id,label\\n7,x\\n' > log3/a.csv") },
      right: { site in try await site.records().contains("7,x") }),
    BadThing(
      name: "a reopen command that fails", stream: "reopen: [\"/bin/false\"]", named: ["reopen command"],
      told: ["lane_paused"]),
    BadThing(
      name: "a reopen command that fails where the parent ignores SIGCHLD", stream: "reopen: [\"/bin/false\"]",
      wrapper: ["/bin/sh", "-c", "trap '' CHLD; exec \"$0\" \"$@\""], named: ["reopen command"], told: ["lane_paused"]),
    BadThing(
      name: "a store that nobody answers for",
      store:
        "url: \"s3://bucket\", endpoint: \"http://127.0.0.1:9\", region: eu-west-1, access_key_id: a, secret_access_key: b",
      put: { site in try site.append("log/a.csv", "id,label\n7,x\n") }, blocksStream: true, named: ["Cannot"],
      told: ["upload_retry"]),
  ]

  private static let batch = "opens-000007"

  private static func plan(_ change: (String, String)...) -> String {
    let zeros = String(repeating: "0", count: 64)
    var text = """
      {"bytes":13,"compressedBytes":33,"header":"\(zeros)","host":"acc","id":"\(batch)","key":"opens/a.csv.gz",\
      "md5":"\(zeros.prefix(32))","rows":1,"schema":1,"sealedAt":"2026-03-12T06:00:00.000Z","segments":[{"from":0,\
      "identity":{"device":1,"head":"\(zeros)","headBytes":13,"inode":1},"path":"/srv/log/a.csv","source":"s0123456789abcdef",\
      "to":13}],"sha256":"\(zeros)","stores":["first"]}
      """
    for (old, new) in change { text = text.replacing(old, with: new) }
    return text
  }

  /// A batch that the ledger does not know lies there when the agent starts: nobody can tell which records it holds.
  private static func unknown(_ name: String, in place: String = "ready", _ text: String?) -> BadThing {
    BadThing(
      name: "an unknown batch in \(place) \(name)",
      before: { site in
        let folder = "state/streams/opens/\(place)/\(batch)"
        try await site.shell("mkdir -p -m 750 \(folder) && head -c 33 /dev/zero > \(folder)/object.csv.gz")
        if let text { try site.write("\(folder)/batch.json", text) }
      },
      blocksStream: true, named: ["1 batch in damaged", "opens: stands since"], told: ["batch_damaged"],
      mend: { site in
        let retried = try await site.navette("retry", batch)
        #expect(retried.exitCode == 1 && retried.stdout.contains("damaged"), "\(retried.stdout)\(retried.stderr)")
        let purged = try await site.navette("purge", "--batch", batch, "--reason", "test")
        #expect(purged.exitCode == 0, "\(purged.stdout)\(purged.stderr)")
      },
      right: { site in try await !site.navette("status").stdout.contains("damaged") })
  }

  /// A batch that was sealed while its store was away, spoiled before the agent starts again.
  private static func known(_ name: String, _ spoil: String, release: Bool = true) -> BadThing {
    BadThing(
      name: "a batch in ready \(name)",
      before: { site in
        try site.append("log/first.csv", "id,label\n7,x\n")
        let sealed = try await site.navette("flush")
        #expect(sealed.exitCode == 0, "\(sealed.stdout)\(sealed.stderr)")
        try await site.shell("cd state/streams/opens/ready/opens-000001 && \(spoil)")
      },
      named: ["1 batch in damaged"], told: ["batch_damaged"],
      mend: { site in
        let retried = try await site.navette("retry", "opens-000001")
        #expect(retried.exitCode == 1 && retried.stdout.contains("damaged"), "\(retried.stdout)\(retried.stderr)")
        let again = release ? ["release", "opens-000001"] : ["purge", "--batch", "opens-000001"]
        let outcome = try await Spawn.run(
          site.arguments(again + ["--reason", "test"]), environment: Site.environment)
        #expect(outcome.exitCode == 0, "\(outcome.stdout)\(outcome.stderr)")
      },
      right: { site in
        if !release { return true }
        return try await site.records().contains("7,x")
      })
  }

  static let batches: [BadThing] = [
    unknown("whose plan is no JSON", "{"), unknown("whose plan is gone", nil),
    unknown("whose plan is no JSON", in: "held", "{"), unknown("whose plan is no JSON", in: "delivered", "{"),
    unknown("with a segment that ends before it begins", plan(("\"from\":0", "\"from\":99"))),
    unknown("with an offset of 2^64-1", plan(("\"to\":13", "\"to\":18446744073709551615"))),
    unknown("with a head of 2^63 bytes", plan(("\"headBytes\":13", "\"headBytes\":9223372036854775807"))),
    unknown("with a key that leads elsewhere", plan(("opens/a.csv.gz", "../../a"))),
    unknown("of another number", plan((batch, "opens-000008"))),
    unknown(
      "whose object is not that long", plan(("\"compressedBytes\":33", "\"compressedBytes\":9223372036854775807"))),
    known("whose plan is no JSON", "printf '{' > batch.json"),
    known("whose plan has one flipped bit", "sed -i 's/\"rows\":1/\"rows\":-1/' batch.json"),
    known("whose plan is gone", "rm batch.json"),
    known("whose object is cut off", "truncate -s 5 object.csv.gz", release: false),
    known("whose object is gone", "rm object.csv.gz", release: false),
  ]
}
