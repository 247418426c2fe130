import Core
import Testing

@testable import Formats

@Suite("The ways to escape a quote are told apart")
struct EscapeTests {
  @Test(
    "Where one reading fits, it is used",
    arguments: [
      // Spark's way.
      #"Lea,"Rossi \"Lia\"",x"#, #"Lea,"a \"b, c\" d",x"#, #"Lea,"\"",x"#,
      // With an apostrophe for the escape, and as data.
      #"Lea,"Rossi '"Lia'"",x"#, #"Lea,"a '"b, c'" d",x"#, #"Lea,"'"",x"#, #"Lea,"O'Neil, J.",x"#, #"Lea,"dogs'",x"#,
      #"Lea,'x',''"#, #"it's,"it's, so",'"#,
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

  @Test(
    "Rows that are the same in number and shape, with other values, are held as well, and the setting decides",
    arguments: [
      ("id,name\n1,\"DOM\\\\ann, x\"\n", .backslash), ("id,name\n1,\"it\'\'s, x\"\n", .apostrophe),
      ("id,name\n1,\"6\'\'\"\n", .apostrophe), ("\"DOM\\\\x\",name\n1,2\n", .backslash),
      ("\"a\'\'b\",name\n1,2\n", .apostrophe), ("id\n\"ends \\\\\"\n", .backslash),
    ] as [(String, TableRules.Escape)])
  func values(_ text: String, _ escape: TableRules.Escape) {
    for long in [
      text, text + (0..<50).map { text.hasPrefix("id\n") ? "row \($0)\n" : "\($0),some more text\n" }.joined(),
    ] {
      let auto = inspect(long)
      #expect(auto.reasons.isEmpty && auto.doubtful.map(\.code) == [.ambiguousEscape])
      for chunk in [1, 2, 3, 7, 64] { #expect(inspect(long, chunk: chunk) == auto) }
      for said in [TableRules.Escape.double, escape] {
        let found = inspect(long, rules { $0.escape = said })
        #expect(found.reasons.isEmpty && found.doubtful.isEmpty)
      }
      let written = [TableRules.Escape.double, escape].map { said in
        rewrite(Array(long.utf8), rules { $0.escape = said }, RewriteRules()).bytes
      }
      #expect(written[0] != written[1])
    }
  }

  @Test("One sign that only one reading fits is enough, wherever it stands")
  func oneSign() {
    let text = "id,name\n1,\"DOM\\\\ann, x\"\n2,\"a \\\"b, c\\\" d\"\n"
    let found = inspect(text)
    #expect(found.doubtful.isEmpty && found.reasons.isEmpty && found.escape == .backslash)
    let double = inspect("id,name\n1,\"DOM\\\\ann, x\"\n2,\"C:\\\"\n")
    #expect(double.doubtful.isEmpty && double.reasons.isEmpty && double.escape == .double)
  }

  @Test("What no reading can save is told with the row of the reading that fits best")
  func row() {
    let rows = (1...30).map { "\($0),\"a \\\"\"\n" }.joined()
    let start = "id,name\n" + rows
    for (tail, code) in [
      ("31,\u{0}\n", Reason.Code.nulByte), ("31,\(String(repeating: "x", count: 500))\n", .rowTooLong),
    ] {
      for chunk in [7, 64, .max] {
        let found = inspect(start + tail, rules { $0.maxRowBytes = 400 }, chunk: chunk)
        #expect(found.reasons.first?.code == code && found.reasons.first?.row == 31)
      }
    }
  }

  @Test("In a header a quoted name may end in an apostrophe")
  func apostropheInHeader() {
    let found = inspect("\"Owners\'\",\"dogs\'\"\n1,2\n")
    #expect(
      found.header == ["Owners\'", "dogs\'"] && found.reasons.isEmpty && found.doubtful.isEmpty && found.rows == 1)
    #expect(inspect("\"Owners\'\"").reasons.map(\.code) == [.headerOnly])
    #expect(inspect("\"a \'\"b\'\"\",c\n1,2\n").header == ["a \"b\"", "c"])
  }

  @Test("A backslash or an apostrophe before anything else is data")
  func data() {
    for text in ["\"a\\b\",c\n\"C:\\dir\",\"l\'\u{e9}t\u{e9}, x\"\n"] {
      for escape in [TableRules.Escape.auto, .backslash, .apostrophe, .double] {
        let found = inspect(text, rules { $0.escape = escape })
        #expect(found.header == ["a\\b", "c"] && found.reasons.isEmpty && found.doubtful.isEmpty)
        let written = rewrite(Array(text.utf8), rules { $0.escape = escape }, RewriteRules()).bytes
        #expect(String(decoding: written, as: UTF8.self) == "a\\b\tc\nC:\\dir\tl\'\u{e9}t\u{e9}, x\n")
      }
    }
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
