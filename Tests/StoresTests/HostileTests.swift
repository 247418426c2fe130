import Config
import Core
import Files
import Glibc
import Store
import SystemPackage
import TestKit
import Testing
import Threads

@testable import Stores

@Suite("A store that sends anything")
struct HostileTests {
  private let files = LinuxFiles()

  private func list(_ store: any RemoteStore) async throws -> [ListedObject] {
    let found = Locked<[ListedObject]>([])
    try await store.list("") { page in found.withLock { $0 += page } }
    return found.withLock { $0 }
  }

  @Test(
    "A list that has no end, or is none, is a fault",
    arguments: [
      "same-token", "two-tokens", "fresh-tokens", "endless-xml", "huge-xml", "many-entries", "endless-headers",
      "odd-negative", "odd-word", "odd-float", "odd-over",
    ])
  func lists(bucket: String) async throws {
    let server = try await PythonServer.hostile()
    let store = try s3Store(cannedSettings(server.port) { $0.bucket = bucket })
    let fault = try await fault { _ = try await list(store) }
    #expect(fault.kind == .unreachable)
    #expect(fault.description.utf8.count < 1_000)
  }

  @Test(
    "An answer that trickles, or never begins, is given up", .timeLimit(.minutes(3)),
    arguments: ["drip", "endless-100"]
  )
  func trickles(bucket: String) async throws {
    // The whole bound is that of the transfer: here a few seconds of it are waited for.
    var options = TransferOptions()
    (options.connectTimeout, options.stallTimeout) = (.milliseconds(500), .seconds(1))
    let server = try await PythonServer.hostile()
    let transfer = Transfer(method: .get, url: "http://127.0.0.1:\(server.port)/\(bucket)", sink: .bytes(limit: 1_000))
    let pool = TransferThreads(slots: 1, options: options, files: files)
    await #expect(throws: TransferFailure.self) { _ = try await pool.run(transfer) }
  }

  @Test("What is absurd in an entry harms that entry only")
  func wild() async throws {
    let server = try await PythonServer.hostile()
    let found = try await list(try s3Store(cannedSettings(server.port) { $0.bucket = "wild" }))
    #expect(found.last?.key == "good.csv")
    #expect(found.allSatisfy { ($0.tag?.utf8.count ?? 0) <= 1_024 })
    #expect(found.first { $0.key == "tag.csv" }?.tag == nil)
    #expect(found.filter { $0.key.hasPrefix("date") }.allSatisfy { $0.modified == nil })
    #expect(found.first { $0.key == "huge1.csv" }?.size == .max)
    for size in ["huge", "most"] {
      let store = try s3Store(cannedSettings(server.port) { $0.bucket = "odd-\(size)" })
      #expect(try await list(store).count == 2)
    }
  }

  @Test("An object is read to the listed length and not beyond; what is left is nothing")
  func bodies() async throws {
    let server = try await PythonServer.hostile()
    let folder = try TemporaryFolder()
    let key = try #require(StoreKey("bad.csv"))
    for (bucket, kind) in [("endless-body", StoreKind.mismatch), ("cut-body", .unreachable), ("forbidden", .denied)] {
      let store = try s3Store(cannedSettings(server.port) { $0.bucket = bucket })
      let copy = folder.path.appending(FileName(bucket))
      let fault = try await fault { _ = try await store.read(key, into: copy, atMost: 58) }
      #expect(fault.kind == kind, "\(fault)")
      #expect(try files.info(copy) == nil)
    }
    let store = try s3Store(cannedSettings(server.port) { $0.bucket = "short-body" })
    #expect(try await store.read(key, into: folder.path.appending("short"), atMost: 58).size == 20)
    #expect(
      try await store.read(try #require(StoreKey("good.csv")), into: folder.path.appending("good"), atMost: 58).size
        == 58)
  }

  @Test("An object whose length is known is not waited for without end")
  func longest() {
    let options = TransferOptions()
    let file = Transfer(method: .get, url: "", sink: .file("/x", most: 58))
    #expect(file.longest(options) == .seconds(250))
    #expect(Transfer(method: .get, url: "", sink: .file("/x")).longest(options) == nil)
    #expect(Transfer(method: .get, url: "", sink: .file("/x", most: 1 << 63)).longest(options) != nil)
  }

  @Test("A tree or a folder without end over SFTP is no list")
  func listings() {
    func folder(_ body: String) -> SFTPFolder? { SFTPFolder(Array(body.utf8), withAttributes: true) }
    let line = "0 33188 0 a\n"
    let body = String(repeating: line, count: Limits.folderNames)
    // A name that comes again is no other file.
    #expect(folder(body)?.entries.count == 1 && folder(body)?.unsound == Limits.folderNames - 1)
    #expect(folder(body + line) == nil)
    for size in ["1e400", "99999999999999999999", "x", ""] { #expect(folder("\(size) 33188 0 a\n") == nil, "\(size)") }
    for time in ["-", "4294967296", "18446744073709551615"] {
      #expect(folder("1 33188 \(time) a\n")?.entries.first?.attributes.modified == nil, "\(time)")
    }
    for name in ["", "/", "a/b", "..%2Fx", "%00", String(repeating: "n", count: 256)] {
      let found = folder("1 33188 5 \(name)\n1 33188 5 sound\n")
      #expect(found?.entries.map(\.name) == ["sound"] && found?.unsound == 1, "\(name)")
    }
  }

  @Test("An Azure list that has no end, or is none, is a fault")
  func azureLists() async throws {
    func page(_ name: String, next: String, _ size: String = "1") -> String {
      #"{"body":"<EnumerationResults><Blobs><Blob><Name>\#(name)</Name><Properties><Content-Length>\#(size)</Content-Length></Properties></Blob></Blobs><NextMarker>\#(next)</NextMarker></EnumerationResults>"}"#
    }
    let lists = [
      "the same mark": [page("a", next: "m"), page("b", next: "m")],
      "two marks, in turn": [page("a", next: "m"), page("b", next: "n"), page("c", next: "m")],
      "the same page, with new marks": [page("a", next: "m"), page("a", next: "n")],
      "a size that is none": [page("a", next: "", "-1")],
      "a size beyond 64 bits": [page("a", next: "", "18446744073709551616")],
      "a page that was cut": [#"{"body":"<EnumerationResults><Blobs>"}"#],
    ]
    for (name, pages) in lists {
      let server = try await PythonServer.canned("[\(pages.joined(separator: ","))]")
      let store = try azureStore(cannedAzure(server.port))
      let fault = try await fault { _ = try await list(store) }
      #expect(fault.kind == .unreachable, "\(name): \(fault)")
      #expect(fault.description.utf8.count < 1_000)
      #expect(server.requests.count <= 4, "\(name)")
    }
    let sound = try await PythonServer.canned("[\(page("a", next: "m")),\(page("b", next: ""))]")
    #expect(try await list(try azureStore(cannedAzure(sound.port))).map(\.key) == ["a", "b"])
    let blob = "<Blob><Name>a</Name><Properties><Content-Length>1</Content-Length></Properties></Blob>"
    func many(_ count: Int) -> AzurePage? {
      AzurePage(
        Array("<EnumerationResults><Blobs>\(String(repeating: blob, count: count))</Blobs></EnumerationResults>".utf8))
    }
    #expect(many(Limits.pageObjects)?.entries.count == Limits.pageObjects && many(Limits.pageObjects + 1) == nil)
  }

  @Test("An SFTP tree that has no end ends where no key leads deeper; a folder that has none is a fault")
  func sftpLists() async throws {
    if Servers.isSkippable { return }
    let folder = try TemporaryFolder()
    let deep = try await OtherSFTP(folder.path, "endless=2")
    let found = try await list(try deep.store(folder: "/"))
    let level = String(repeating: "d", count: 100) + "/"
    #expect(
      found.map(\.key).sorted { $0.utf8.count < $1.utf8.count }
        == (0...10).map { String(repeating: level, count: $0) + "f" })
    let wide = try await OtherSFTP(folder.path, "endless=1")
    let fault = try await fault { _ = try await list(try wide.store(folder: "/")) }
    #expect(fault.kind == .unreachable && fault.why.contains("too long"), "\(fault)")
  }

  @Test("A tree with loops and depths on an OpenSSH server is listed to its end")
  func opensshTree() async throws {
    guard let server = OpenSSH.required() else { return }
    let root = server.folder.appending(FileName("tree-\(uniqueName())"))
    var deep = root
    for _ in 0..<6 { deep = deep.appending(FileName(String(repeating: "n", count: 200))) }
    try files.ensureDirectory(deep)
    for place in [root, deep, deep.parent, deep.parent.parent] { try files.put("x", at: place.appending("f")) }
    try #require(symlink(".", root.appending("loop").string) == 0)
    let found = try await list(try server.store { $0.folder = root })
    // The deepest key has more bytes than a key may have: nobody looks there.
    let level = String(repeating: "n", count: 200) + "/"
    #expect(
      found.map(\.key).sorted { $0.utf8.count < $1.utf8.count }
        == [0, 4, 5].map { String(repeating: level, count: $0) + "f" })
  }

  @Test("A list's end is told by its marks and by its first keys")
  func watch() {
    var watch = ListWatch()
    func complaint(_ token: String, _ first: String?) -> String? {
      watch.complaint(token: token, first: first, count: 1, wanted: 1)
    }
    #expect(complaint("a", "1") == nil)
    #expect(complaint("b", nil) == nil)
    #expect(complaint("c", "2") == nil)
    #expect(complaint("a", "3") != nil)
    #expect(complaint("d", "1") != nil)
    for number in 0..<Limits.listPages { _ = complaint("t\(number)", nil) }
    #expect(complaint("more", nil) != nil)
  }

  @Test("Pages without anything that was asked for are few; the last one may be such a page")
  func emptyPages() {
    var watch = ListWatch()
    func empty(_ number: Int, isLast: Bool = false, names: Int = 0) -> String? {
      watch.complaint(token: isLast ? nil : "m\(number)", first: nil, count: names, wanted: 0)
    }
    for number in 1..<Limits.emptyListPages { #expect(empty(number) == nil) }
    #expect(watch.complaint(token: "between", first: "a", count: 1, wanted: 1) == nil)
    for number in 1..<Limits.emptyListPages { #expect(empty(1_000 + number) == nil) }
    #expect(empty(3_000, isLast: true) == nil)
    #expect(empty(4_000)?.contains("\(Limits.emptyListPages + 1) pages in a row without any name") == true)
    #expect(empty(5_000, names: 3)?.contains("3 names begin otherwise") == true)
  }

  @Test("A list without an end, of empty pages or of names that were not asked for, is bounded")
  func emptyLists() async throws {
    let server = try await PythonServer.hostile()
    for bucket in ["empty-pages", "foreign-pages"] {
      let store = try s3Store(cannedSettings(server.port) { $0.bucket = bucket })
      let fault = try await fault { try await store.list("in/") { _ in } }
      #expect(fault.kind == .unreachable && fault.why.contains("no end: 100 pages in a row"), "\(fault)")
    }
  }

  @Test("Names that were not asked for are not passed on, and are told")
  func foreignNames() async throws {
    let object = "<Size>1</Size></Contents>"
    let s3 = """
      <ListBucketResult><Contents><Key>in/a</Key>\(object)<Contents><Key>out/b</Key>\(object)\
      <IsTruncated>false</IsTruncated></ListBucketResult>
      """
    let size = "<Properties><Content-Length>1</Content-Length></Properties></Blob>"
    let azure = """
      <EnumerationResults><Blobs><Blob><Name>in/a</Name>\(size)<Blob><Name>out/b</Name>\(size)</Blobs>\
      <NextMarker/></EnumerationResults>
      """
    let servers = [
      try await PythonServer.canned(#"[{"body":"\#(s3)"}]"#), try await PythonServer.canned(#"[{"body":"\#(azure)"}]"#),
    ]
    let stores =
      [try s3Store(cannedSettings(servers[0].port)), try azureStore(cannedAzure(servers[1].port))] as [any RemoteStore]
    for store in stores {
      let (found, barred) = (Locked<[String]>([]), Locked<[BarredFolder]>([]))
      try await store.list("in/", depth: .max, barred: { rest in barred.withLock { $0.append(rest) } }) { page in
        found.withLock { $0 += page.map(\.key) }
      }
      #expect(found.withLock { $0 } == ["in/a"])
      let told = try #require(barred.withLock { $0 }.first)
      #expect(told.fault.why.contains("1 name in the list"), "\(told.fault)")
      #expect(!told.fault.description.contains("out/b"))
    }
  }
}
