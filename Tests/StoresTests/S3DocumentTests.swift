import Core
import Testing

@testable import Stores

@Suite struct S3DocumentTests {
  private static let error = """
    <?xml version="1.0" encoding="UTF-8"?>
    <Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>NoSuchBucket</Code><Message>No &lt;such&gt; bucket &#x26; none</Message>
    <Region>eu-west-3</Region><Extra><Code>Other</Code></Extra></Error>
    """
  private static let page = """
    <?xml version='1.0'?><!-- a > b --><s:ListBucketResult xmlns:s="x>y"><Name>b</Name><Prefix/><IsTruncated>true</IsTruncated>
    <Contents><Key>a&amp;b/dt=1</Key><LastModified>2026-03-04T05:06:07.000Z</LastModified><ETag>&quot;0123&quot;</ETag>\
    <Size>12</Size><Owner><ID>o</ID></Owner></Contents><Contents><Key><![CDATA[<c>]]></Key><Size>0</Size></Contents>
    <NextContinuationToken>t/+=</NextContinuationToken></s:ListBucketResult>
    """

  @Test func readsWhatAnErrorSays() throws {
    let error = try #require(S3Error(Array(Self.error.utf8)))
    #expect(error.code == "NoSuchBucket")
    #expect(error.message == "No <such> bucket & none")
    #expect(error.region == "eu-west-3")
  }

  @Test func readsAPageOfAList() throws {
    let page = try #require(S3Page(Array(Self.page.utf8)))
    #expect(page.continuation == "t/+=")
    #expect(page.entries.map(\.key) == ["a&b/dt=1", "<c>"])
    #expect(page.entries.map(\.size) == [12, 0])
    #expect(page.entries.first?.tag == "0123")
    #expect(page.entries.first?.modified == Timestamp(text: "2026-03-04T05:06:07Z"))
  }

  @Test func noPartOfAPagePassesForAPage() {
    let bytes = Array(Self.page.utf8)
    for count in 0..<bytes.count { #expect(S3Page(Array(bytes.prefix(count))) == nil, "cut after \(count) bytes") }
  }

  @Test(arguments: [
    "", "plain text", "<html><body>no</body></html>", "<!DOCTYPE a [<!ENTITY b \"c\">]><Error>&b;</Error>",
    "<a><b></a></b>",
    "<a/><b/>", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    "<ListBucketResult><Contents><Size>-1</Size></Contents></ListBucketResult>", "<a>&#xD800;</a>",
    "<a>&#99999999999;</a>",
  ])
  func otherDocumentsAreNoPage(_ text: String) {
    #expect(S3Page(Array(text.utf8)) == nil)
    #expect(S3Error(Array(text.utf8))?.code ?? "" == "")
  }

  @Test func survivesAnything() {
    var random = SplitMix(state: 7)
    let seeds = [Array(Self.error.utf8), Array(Self.page.utf8)]
    let marks = Array("<>/&;#x!-[]\"'?=a ".utf8)
    for round in 0..<20_000 {
      var bytes = seeds[round % 2]
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[at] = marks.randomElement(using: &random) ?? 0
        case 2: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 9)], at: at)
        default: bytes.removeSubrange(at..<min(bytes.count - 1, at + 5))
        }
      }
      var reader = XMLReader(bytes)
      var depth = 0
      var events = 0
      while let event = reader.next() {
        events += 1
        if case .open = event { depth += 1 }
        if case .close = event { depth -= 1 }
        #expect(depth >= 0 && depth <= Limits.xmlDepth)
      }
      #expect(events <= bytes.count)
      #expect(reader.isDamaged || depth == 0)
      _ = (S3Error(bytes), S3Page(bytes))
    }
  }

  @Test func depthIsBounded() {
    var reader = XMLReader(Array(String(repeating: "<a>", count: 100_000).utf8))
    var events = 0
    while reader.next() != nil { events += 1 }
    #expect(events == Limits.xmlDepth)
    #expect(reader.isDamaged)
  }

  @Test func readsTheDatesOfHTTP() {
    #expect(HTTPDate.parse("Fri, 24 May 2013 00:00:00 GMT") == Timestamp(text: "20130524T000000Z"))
    for bad in [
      "", "24 May 2013", "Fri, 24 Mai 2013 00:00:00 GMT", "Fri, 99 May 2013 00:00:00 GMT",
      "Fri, 24 May 2013 25:00:00 GMT",
    ] {
      #expect(HTTPDate.parse(bad) == nil)
    }
  }
}
