import Testing

@testable import Formats

@Suite("Names of columns")
struct ColumnNamesTests {
  private func line(_ text: String, sanitize: Bool = true, rename: [String: String] = [:]) throws -> String {
    String(decoding: try ColumnNames(Array(text.utf8)).line(sanitize: sanitize, rename: rename), as: UTF8.self)
  }

  @Test(
    "become letters, digits and underscores",
    arguments: [
      ("[@delivery-id]", "delivery_id"), ("@id", "id"), ("_id", "_id"), ("person.name/@first", "person_name_first"),
      ("crm id", "crm_id"), ("a--b", "a_b"), ("2nd", "2nd"), ("a_", "a_"), ("Prénom", "Pr_nom"), ("@@", ""),
    ])
  func sanitized(name: String, clean: String) { #expect(ColumnNames.sanitized(name) == clean) }

  @Test("whatever the delimiter, quoted or not, behind a byte order mark too")
  func lines() throws {
    #expect(try line("@id,[@delivery-id],_id") == "id,delivery_id,_id")
    #expect(try line("@id\t[@delivery-id]") == "id\tdelivery_id")
    #expect(try line("\"@id\";\"a;b\"") == "id;a_b")
    #expect(try line("\"a\"\"b\"|c") == "a_b|c")
    #expect(try line("\u{feff}@id") == "id")
    #expect(try line("id") == "id")
  }

  @Test("are given by rename first, told by the log's own name or the clean one; others stay as they are")
  func renamed() throws {
    #expect(try line("@id,[@delivery-id]", rename: ["@id": "_id"]) == "_id,delivery_id")
    #expect(try line("@id,[@delivery-id]", rename: ["delivery_id": "delivery"]) == "id,delivery")
    #expect(try line("@id,\"x y\"", sanitize: false, rename: ["@id": "a,b"]) == "\"a,b\",\"x y\"")
    #expect(try line("a-b,a_b", rename: ["a-b": "first"]) == "first,a_b")
  }

  @Test("that would be one, or none, are refused, and no name is told: it may be somebody's data")
  func refused() {
    for (text, words) in [
      ("a-b,c,a_b", "columns 1 and 3 of 3 would have one name"), ("a,@", "column 2 of 2 would have no name"),
    ] {
      let complaint = #expect(throws: HeaderComplaint.self) { try line(text) }
      #expect(complaint?.description == words)
    }
    #expect(throws: HeaderComplaint.self) { try line("a,b", sanitize: false, rename: ["a": "b"]) }
  }

  @Test("a column is found by its own name or by the one it gets")
  func found() {
    let names = ColumnNames(Array("@id,[@event-date],ts".utf8))
    #expect(names.index(of: "[@event-date]", sanitize: true, rename: [:]) == 1)
    #expect(names.index(of: "event_date", sanitize: true, rename: [:]) == 1)
    #expect(names.index(of: "event_date", sanitize: false, rename: [:]) == nil)
    #expect(names.index(of: "when", sanitize: false, rename: ["ts": "when"]) == 2)
  }
}
