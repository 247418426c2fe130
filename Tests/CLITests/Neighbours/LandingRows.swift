import Foundation
import TestKit
import Testing

extension BadThing {
  private static let run = "manifest-aep-00000000-0000-4000-8000-000000000001.json"

  private static func manifest(
    _ name: String, _ text: String, quarantined: Bool = true, named: [String] = []
  ) -> BadThing {
    BadThing(
      name: "a manifest with \(name)",
      put: { site in try site.write("landing/\(run)", text) },
      right: { site in
        guard quarantined else { return true }
        return try await site.listed("drops", "--state", "quarantine", "--json").contains(run)
      })
  }

  private static func listing(_ size: String, name: String = "b.csv", time: String = "2026-03-12T06:00:00Z") -> String {
    """
    {"flowRunId":"r","scheduledTime":"\(time)","exportResults":[{"name":"a.csv","size":\(size)},{"name":"\(name)","size":1}]}
    """
  }

  static let manifests: [BadThing] = [
    manifest(
      "two sizes that add up to 2^64",
      #"{"flowRunId":"r","exportResults":[{"name":"a.csv","size":18446744073709551615},{"name":"b.csv","size":1}]}"#),
    manifest("the size 2^63", listing("9223372036854775808")),
    manifest("the size 2^64", listing("18446744073709551616")),
    manifest("the size -1", listing("-1")),
    manifest("the size 1e400", listing("1e400")),
    manifest("a size that is half a byte", listing("0.5")),
    manifest("a size that is a text", listing("\"12\"")),
    manifest("a time in the year 9999", listing("1", time: "9999-12-31T23:59:59Z")),
    manifest("a time in the year 0", listing("1", time: "0000-01-01T00:00:00Z")),
    manifest("a name that leads elsewhere", listing("1", name: "../../etc/passwd")),
    manifest("a name with a zero byte", listing("1", name: "a\\u0000b")),
    manifest("the same file twice", listing("1", name: "a.csv")),
    manifest("lists in lists without end", String(repeating: "[", count: 200_000)),
    manifest("a megabyte of spaces", String(repeating: " ", count: (1 << 20) + 1)),
    manifest("no byte", ""),
  ]

  private static func file(
    _ name: String, _ command: String, right: (@Sendable (Site) async throws -> Bool)? = nil
  ) -> BadThing {
    BadThing(name: name, put: { site in try await site.shell(command) }, right: right)
  }

  private static func quarantined(_ name: String, _ code: String) -> @Sendable (Site) async throws -> Bool {
    { site in
      let list = try await site.listed("drops", "--state", "quarantine")
      return list.split(separator: "\n").contains { $0.contains(name) && $0.contains(code) }
    }
  }

  static let files: [BadThing] = [
    file("a sparse file of 4 TiB", "truncate -s 4T landing/huge.csv", right: quarantined("huge.csv", "too_large")),
    BadThing(
      name: "a sparse file of 4 TiB in a feed that takes any size", feed: "require: { max_bytes: 8388607TiB }",
      put: { site in try await site.shell("printf 'email,segment\\n' > h && truncate -s 4T h && mv h landing/huge.csv")
      },
      right: quarantined("huge.csv", "nul_byte")),
    file(
      "a packed row of 300 MB", "head -c 300000000 /dev/zero | tr '\\0' x | gzip -1 > r && mv r landing/row.csv.gz",
      right: quarantined("row.csv.gz", "row_too_long")),
    file(
      "a packed file of which the second row never ends",
      "(printf 'a,b\\n1,2\\n'; head -c 300000000 /dev/zero | tr '\\0' x) | gzip -1 > r && mv r landing/row.csv.gz",
      right: quarantined("row.csv.gz", "row_too_long")),
    file("a pipe", "mkfifo landing/pipe.csv"),
    file("a link", "ln -s /etc/passwd landing/link.csv"),
    file("a loop of links", "ln -s loop.csv landing/loop.csv"),
    file("a folder that is called like a file", "mkdir landing/folder.csv"),
    file(
      "a name of 255 bytes", "printf 'email,segment\\na,b\\n' > \"landing/$(head -c 251 /dev/zero | tr '\\0' n).csv\"",
      right: { site in site.names(in: "import").contains { $0.hasPrefix("nnn") } }),
    file(
      "a name with a line feed", "printf 'email,segment\\na,b\\n' > \"landing/$(printf 'a\\nb').csv\"",
      right: { site in site.names(in: "import").contains { $0.contains("\n") } }),
    file(
      "a name that is no text", "printf 'email,segment\\na,b\\n' > \"landing/$(printf '\\377').csv\"",
      right: { site in site.names(in: "landing").filter { $0.hasSuffix(".csv") }.isEmpty }),
    BadThing(
      name: "a file that may not be changed",
      put: { site in
        try await site.shell("printf 'email,segment\\na,b\\n' > landing/fixed.csv && chattr +i landing/fixed.csv")
      },
      named: ["fixed.csv"], told: ["drop_waiting"],
      mend: { site in try await site.shell("chattr -i landing/fixed.csv") },
      right: { site in site.handedOver.contains("fixed.csv") }),
    BadThing(
      name: "a file that may not be read", isUsers: true,
      put: { site in try await site.shell("printf 'email,segment\\na,b\\n' > x && chmod 000 x && mv x landing/shut.csv")
      },
      named: ["Permission denied"],
      mend: { site in try await site.shell("chmod 644 landing/shut.csv") },
      right: { site in site.handedOver.contains("shut.csv") }),
    BadThing(
      name: "a folder that may not be read", feed: "recursive: true", isUsers: true,
      put: { site in
        try await site.shell("mkdir -m 700 landing/shut && printf 'email,segment\\na,b\\n' > landing/shut/in.csv")
      },
      named: ["The folder shut"],
      mend: { site in try await site.shell("chown -R \(user) landing/shut") },
      right: { site in site.handedOver.contains("in.csv") }),
    BadThing(
      name: "a folder that may not be written in", feed: "recursive: true", isUsers: true,
      put: { site in
        try await site.shell(
          "mkdir -m 755 landing/fixed && printf 'email,segment\\na,b\\n' > landing/fixed/in.csv && chmod 644 landing/fixed/in.csv"
        )
      },
      named: ["fixed"],
      mend: { site in try await site.shell("chown -R \(user) landing/fixed") },
      right: { site in site.handedOver.contains("in.csv") }),
    BadThing(
      name: "a deep tree of folders", feed: "recursive: true",
      put: { site in
        try await site.shell(
          "d=landing; for i in $(seq 1 40); do d=$d/d; mkdir $d; done; printf 'a\\n1\\n' > $d/deep.csv")
      }),
    BadThing(
      name: "a set of which the first part is missing", feed: "",
      put: { site in
        try site.write("landing/set_2.csv", audience(7)); try site.write("landing/set_3.csv", audience(8))
      }),
    BadThing(
      name: "a file that is being written for ever",
      put: { site in
        try await site.shell(
          "(exec >landing/busy.csv; printf 'email,segment\\n'; i=0; while [ $i -lt 100 ]; do echo a,b; i=$((i+1)); sleep 0.1; done) >/dev/null 2>&1 &"
        )
      }),
    BadThing(
      name: "a key that is none", feed: "decrypt: { key: \"no key\" }",
      put: { site in
        try await site.shell(
          "printf -- '-----BEGIN PGP MESSAGE-----\\n\\nabcd\\n-----END PGP MESSAGE-----\\n' > landing/e.csv.pgp")
      },
      named: ["waits since"], told: ["drop_waiting"]),
    file(
      "three hundred empty files", "for i in $(seq 1 300); do : > landing/empty$i.csv; done"),
  ]
}
