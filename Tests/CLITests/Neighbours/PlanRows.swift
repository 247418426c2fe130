import Foundation
import TestKit
import Testing

extension BadThing {
  private static let drop = "20260312T060000Z-abcdef"

  /// A good plan of one part, `a.csv`, of which the test spoils something.
  private static func good(_ change: (String, String)...) -> String {
    var text = """
      {"feed":"audiences","id":"\(drop)","parts":[{"changed":0,"inode":1,"landing":"/srv/landing","name":"a.csv","size":20}],\
      "schema":1,"seenAt":"2026-03-12T06:00:00.000Z"}
      """
    for (old, new) in change { text = text.replacing(old, with: new) }
    return text
  }

  /// A drop with such a plan lies there when the agent starts.
  private static func plan(_ name: String, in place: String, _ text: String?) -> BadThing {
    var thing = BadThing(name: "a drop in \(place) whose plan \(name)")
    thing.before = { site in
      let folder = "state/feeds/audiences/\(place)/\(drop)"
      try await site.shell("mkdir -p -m 750 \(folder)/parts")
      try site.write("\(folder)/parts/a.csv", "email,segment\np,q\nrr,s\n")
      if let text { try site.write("\(folder)/drop.json", text) }
    }
    thing.named = ["1 drop in damaged"]
    thing.told = ["drop_damaged"]
    thing.mend = { site in
      let (listed, shown) = (try await site.listed("drops", "--state", "damaged"), try await site.listed("show", drop))
      #expect(listed.contains(drop) && shown.contains("damaged"))
      let released = try await site.navette("release", drop, "--reason", "test")
      #expect(released.exitCode == 0, "\(released.stdout)\(released.stderr)")
    }
    thing.right = { site in site.handedOver.contains("a.csv") }
    return thing
  }

  static let plans: [BadThing] = [
    plan("is no JSON", in: "gathering", "{"), plan("is no JSON", in: "claimed", "not json"),
    plan("is no JSON", in: "handover", "{\"id\":"), plan("is no JSON", in: "held", "[]"),
    plan("is no JSON", in: "quarantine", "null"), plan("is no JSON", in: "archive", "\u{0}\u{0}"),
    plan("is gone", in: "claimed", nil), plan("is gone", in: "handover", nil),
    plan("names /etc/passwd", in: "claimed", good(("a.csv", "/etc/passwd"))),
    plan("names ../..", in: "claimed", good(("a.csv", "../.."))),
    plan("names a slash", in: "handover", good(("a.csv", "/"))),
    plan("names nothing", in: "claimed", good(("a.csv", ""))),
    plan("names a zero byte", in: "claimed", good(("a.csv", "a%00.csv"))),
    plan("has one flipped bit in its name", in: "handover", good(("a.csv", "a/csv"))),
    plan(
      "hands over to ../x", in: "handover",
      good(("\"size\":20", "\"size\":20,\"finalName\":\"../x\""))),
    plan("has the size 2^64-1", in: "claimed", good(("\"size\":20", "\"size\":18446744073709551615"))),
    plan("has the size 1e400", in: "claimed", good(("\"size\":20", "\"size\":1e400"))),
    plan("has -1 rows", in: "claimed", good(("\"size\":20", "\"size\":20,\"rows\":-1"))),
    plan("was seen in the year 0", in: "claimed", good(("2026-03-12T06", "0000-03-12T06"))),
    plan("is another drop's", in: "claimed", good((drop, "20260312T060000Z-000000"))),
    plan("is another feed's", in: "claimed", good(("\"audiences\"", "\"others\""))),
    plan("is of a later schema", in: "claimed", good(("\"schema\":1", "\"schema\":2"))),
    plan("leads out of landing", in: "claimed", good(("/srv/landing", "/srv/../landing"))),
    plan("has nine megabytes", in: "claimed", String(repeating: " ", count: 9 << 20)),
    BadThing(
      name: "a drop whose plan is a pipe",
      before: { site in
        try await site.shell("f=state/feeds/audiences/claimed/\(drop); mkdir -p -m 750 $f/parts && mkfifo $f/drop.json")
      },
      named: ["1 drop in damaged"],
      mend: { site in
        let purged = try await site.navette("purge", "--drop", drop, "--reason", "test")
        #expect(purged.exitCode == 0, "\(purged.stdout)\(purged.stderr)")
      },
      right: { site in try await !site.listed("drops", "--state", "damaged").contains(drop) }),
  ]
}
