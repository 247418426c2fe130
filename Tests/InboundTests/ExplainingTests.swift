import Config
import Core
import Formats
import Testing

@testable import Inbound

@Suite("What was found says why")
struct ExplainingTests {
  private func found(
    _ bytes: [UInt8], _ format: FeedSettings.Format = .init(), columns: [String] = []
  ) throws -> [String] {
    var settings = FeedSettings(name: try #require(FeedName("in")), landing: "/in", handover: "/out")
    (settings.format, settings.require.columns) = (format, columns)
    var inspector = TableInspector(rules: TableRules(settings))
    bytes.withUnsafeBytes { inspector.feed($0) }
    return explained(inspector.finish(), format).map(\.message)
  }

  private func found(_ text: String, _ format: FeedSettings.Format = .init(), columns: [String] = []) throws -> [String]
  {
    try found(Array(text.utf8), format, columns: columns)
  }

  private static let broken = "; the text ends in it without a line end, so the upload may have broken off"

  @Test("How columns are told apart, and whether that was guessed; the first of each kind says it")
  func separation() throws {
    let counts = try found("a,b\n1\n2\n")
    #expect(
      counts == [
        "The row has 1 column, the header 2; separated by ',' (guessed)", "The row has 1 column, the header 2",
      ])
    var format = FeedSettings.Format()
    format.delimiter = UInt8(ascii: "\t")
    #expect(
      try found("a\tb\n1\n", format) == ["The row has 1 column, the header 2; separated by a tab (format.delimiter)"])
    #expect(
      try found("a\n1\n", columns: ["z"]).first?.hasSuffix(
        "; no delimiter was found in the first line, and format.delimiter is auto") == true)
    #expect(try found("a;b\n1;2\n", columns: ["z"]).first?.hasSuffix("; separated by ';' (guessed)") == true)
  }

  @Test("A text in another encoding names the setting")
  func encoding() throws {
    let latin = "id,name\n1,Zoë\n".unicodeScalars.map { UInt8($0.value) }
    #expect(try found(latin).first?.hasSuffix("; format.encoding is utf-8") == true)
    var format = FeedSettings.Format()
    format.encoding = .utf16
    #expect(try found("id,name\n1,a\n", format).first?.hasSuffix("; format.encoding is utf-16") == true)
  }

  @Test("A bad last row without a line end may be all that came of an upload; no other row is")
  func brokenOff() throws {
    #expect(try found("a,b\n1,2\n3").first?.hasSuffix(Self.broken) == true)
    #expect(try found("a,b\n1,2\n3,\"x").first?.hasSuffix(Self.broken) == true)
    #expect(try found("a,b\n1\n3").map { $0.hasSuffix(Self.broken) } == [false, true])
    for whole in ["a,b\n1,2\n3\n", "a,b\n3\n1,2", "a,b\n1,2\n3\r\n", "a,b\n1,\"x\n"] {
      #expect(try found(whole).allSatisfy { !$0.contains("broken off") }, "\(whole)")
    }
  }
}
