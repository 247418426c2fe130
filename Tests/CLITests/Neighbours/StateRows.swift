import Foundation
import TestKit
import Testing

extension BadThing {
  private static func request(_ name: String, _ command: String) -> BadThing {
    BadThing(
      name: "a request that is \(name)", put: { site in try await site.shell("cd state/requests && \(command)") })
  }

  private static func lying(
    _ name: String, _ command: String, blocksStream: Bool = false, named: [String] = []
  ) -> BadThing {
    var thing = BadThing(name: "\(name) in the state folder")
    thing.before = { site in
      try await site.shell("mkdir -p -m 750 state/streams/opens state/feeds/audiences && cd state && \(command)")
    }
    (thing.blocksStream, thing.named) = (blocksStream, named)
    if blocksStream { thing.mend = { site in try await site.shell("rm -rf state/streams/opens/*.json") } }
    return thing
  }

  static let states: [BadThing] = [
    request("no JSON", "printf '{' > 20260312T060000Z-1.json"),
    request("larger than any of ours", "head -c 100000 /dev/zero > 20260312T060000Z-1.json"),
    request("a folder", "mkdir 20260312T060000Z-1.json"),
    request("a pipe", "mkfifo 20260312T060000Z-1.json"),
    request(
      "of the year 9999",
      #"printf '{"purgeFeed":{"_0":"audiences","before":"9999-01-01T00:00:00Z","by":{"name":"a","reason":"b"}}}' > 20260312T060000Z-1.json"#
    ),
    request(
      "of a feed that is not there",
      #"printf '{"pause":{"lanes":["nobody"],"by":{"name":"a","reason":"b"}}}' > 20260312T060000Z-1.json"#),
    lying(
      "numbers.json with 2^63-1",
      #"printf '{"schema":1,"last":9223372036854775807,"isAdopted":false}' > streams/opens/numbers.json"#,
      blocksStream: true, named: ["numbers.json"]),
    lying(
      "start.json that is no JSON", "printf '{' > streams/opens/start.json", blocksStream: true, named: ["start.json"]),
    lying("a batch with the last number there is", "mkdir -p streams/opens/ready/opens-9223372036854775807"),
    lying("clock.json that is no JSON", "printf '{' > clock.json"),
    lying("clock.json of the year 0", #"printf '{"schema":1,"at":"0001-01-01T00:00:00.000Z"}' > clock.json"#),
    lying("suspects.json that is no JSON", "printf '[]' > suspects.json"),
    lying("report.json that is a folder", "mkdir feeds/audiences/report.json streams/opens/report.json"),
    lying(
      "things that are not ours",
      "touch feeds/audiences/claimed streams/x feeds/y; rm feeds/audiences/claimed; mkdir -p feeds/audiences/claimed/zzz"
    ),
    lying("in-hand that is garbage", "head -c 70000 /dev/urandom > in-hand"),
  ]
}
