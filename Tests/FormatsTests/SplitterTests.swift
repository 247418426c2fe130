import Core
import Testing

@testable import Formats

/// Good rows and bad ones, as they come out of each splitter.
@Suite("Rows that are parted")
struct SplitterTests {
  private func table(
    _ text: String, chunk: Int = .max, _ isBad: @escaping (Int) -> Bool
  ) -> (good: String, bad: String, rows: Int) {
    var splitter = TableSplitter(TableRules(), delimiter: UInt8(ascii: ","), escape: .double) { row, _ in isBad(row) }
    var (good, bad): ([UInt8], [UInt8]) = ([], [])
    for piece in pieces(text, chunk) {
      piece.withUnsafeBytes { splitter.feed($0, good: { good += $0 }, bad: { bad += $0 }) }
    }
    splitter.finish(good: { good += $0 }, bad: { bad += $0 })
    return (String(decoding: good, as: UTF8.self), String(decoding: bad, as: UTF8.self), splitter.rows)
  }

  private func lines(
    _ text: String, chunk: Int = .max, _ isBad: @escaping (Int) -> Bool
  ) -> (good: String, bad: String, rows: Int) {
    var splitter = LineSplitter(JSONRules(), repacks: false) { row, _ in isBad(row) }
    var (good, bad): ([UInt8], [UInt8]) = ([], [])
    for piece in pieces(text, chunk) {
      piece.withUnsafeBytes { splitter.feed($0, good: { good += $0 }, bad: { bad += $0 }) }
    }
    splitter.finish(good: { good += $0 }, bad: { bad += $0 })
    return (String(decoding: good, as: UTF8.self), String(decoding: bad, as: UTF8.self), splitter.rows)
  }

  private func pieces(_ text: String, _ chunk: Int) -> [[UInt8]] {
    let bytes = Array(text.utf8)
    return stride(from: 0, to: bytes.count, by: min(chunk, bytes.count)).map {
      Array(bytes[$0..<min(bytes.count, $0 + min(chunk, bytes.count))])
    }
  }

  @Test(
    "Where no row is bad, nothing is changed: not empty lines at the end, nor a CR behind them",
    arguments: [1, 3, .max])
  func unchanged(chunk: Int) {
    for text in [
      "a,b\n1,2\n", "a,b\r\n1,2\r\n\r\n\n\r\n", "a,b\n1,2\n\n\r", "\u{feff}a,b\n1,2", "a,b\n\"1\n\",2\n\n\n\r\n\r",
    ] {
      let made = table(text, chunk: chunk) { _ in false }
      #expect(made.good == text && made.rows == 1, "\(text.debugDescription)")
    }
  }

  @Test("Bad rows go with the header and as they were; empty lines between rows are rows", arguments: [1, 3, .max])
  func parted(chunk: Int) {
    let made = table("a,b\r\n1,2\r\n\r\n\n\"x\n\",3\n4,5", chunk: chunk) { [2, 4].contains($0) }
    #expect(made.good == "a,b\r\n1,2\r\n\n4,5" && made.bad == "a,b\r\n\r\n\"x\n\",3\n" && made.rows == 5)
  }

  @Test("Lines of JSON, with a mark, and empty ones between them", arguments: [1, 3, .max])
  func objects(chunk: Int) {
    let made = lines("\u{feff}{}\r\n\r\n\n{ }\nx\n\n", chunk: chunk) { [2, 3, 5].contains($0) }
    #expect(made.good == "\u{feff}{}\r\n{ }\n" && made.bad == "\r\n\nx\n" && made.rows == 5)
  }
}
