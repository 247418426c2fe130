import Core
import Testing

@testable import Formats

@Suite("Both ways to escape a quote are told apart")
struct EscapeTests {
  @Test(
    "Where one reading fits, it is used",
    arguments: [
      // Spark's way.
      #"Lea,"Rossi \"Lia\"",x"#, #"Lea,"a \"b, c\" d",x"#, #"Lea,"ends \\",x"#, #"Lea,"\"",x"#,
      // RFC 4180's way, with backslashes as data.
      #""C:\","""a"" b",x"#, #"Lea,"C:\dir\",x"#, #"Lea,"""",x"#,
      // Both in one file.
      #"Lea,"a \"b\" ""c""",x"#,
    ])
  func oneFits(_ row: String) {
    let found = inspect("a,b,c\n1,2,3\n" + row + "\n1,\"2\",3\n4,5,6\n")
    #expect(found.reasons.isEmpty)
    #expect(found.doubtful.isEmpty)
    #expect(found.rows == 4)
  }

  @Test("A reading that fits is not doubted for the sake of one that does not")
  func notDoubted() {
    let two = "a,b\n\"x\\\",\"y\\\"\n"
    #expect(inspect(two).doubtful.isEmpty)
  }

  @Test("Rows that are right under both readings, with other values, are held")
  func held() {
    // As RFC 4180 has it: x\ and y" in two rows. With backslashes: one value over two lines, and then the same again.
    let table = "a\n\"x\\\"\ny\"\n"
    let double = inspect(table, rules { $0.escape = .double })
    let backslash = inspect(table, rules { $0.escape = .backslash })
    #expect(double.reasons.isEmpty && double.rows == 2)
    #expect(backslash.reasons.isEmpty && backslash.rows == 1)
    let auto = inspect(table)
    #expect(auto.reasons.isEmpty)
    #expect(auto.doubtful.map(\.code) == [.ambiguousEscape])
    for chunk in [1, 2, 3, 7, 64] { #expect(inspect(table, chunk: chunk) == auto) }
  }

  @Test("Said outright, one reading decides")
  func explicit() {
    let spark = "a,b\nx,\"1 \\\"2, 3\\\" 4\"\n"
    #expect(inspect(spark, rules { $0.escape = .backslash }).reasons.isEmpty)
    #expect(inspect(spark, rules { $0.escape = .double }).reasons.map(\.code) == [.columnCount])
  }

  @Test("A header may hold escaped quotes too")
  func header() {
    #expect(inspect("\"a \\\"b\\\"\",c\n1,2\n").header == ["a \"b\"", "c"])
    #expect(inspect("\"a \"\"b\"\"\",c\n1,2\n").header == ["a \"b\"", "c"])
  }
}
