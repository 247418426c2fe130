import Core
import Glibc
import SystemPackage
import Testing

@testable import Config

@Suite("Whether folders, users and volumes are what the settings say")
struct EnvironmentCheckTests {
  let shop = Workshop()

  /// A feed, a stream and a folder store on real folders, all as they should be.
  private func settings() throws -> Settings {
    var settings = Settings()
    settings.state = shop.path("state")
    let shelf = try #require(StoreName("shelf"))
    settings.stores = [StoreSettings(name: shelf, target: .folder(shop.folder("shelf")))]
    settings.feeds = [
      FeedSettings(name: try #require(FeedName("in")), landing: shop.folder("landing"), handover: shop.folder("import"))
    ]
    settings.streams = [
      StreamSettings(
        name: try #require(StreamName("out")), logs: [shop.folder("log").appending("*.csv").string], stores: [shelf])
    ]
    return settings
  }

  private func problems(_ settings: Settings, _ environment: Environment = Environment()) -> [String] {
    var check = EnvironmentCheck(environment: environment)
    check.run(settings)
    check.checkStoreFolders(settings)
    return check.problems.map { $0.description.replacing(shop.root.string, with: "D") }
  }

  /// Rights as an ordinary user has them: the kernel keeps the identity for files per thread, so that no other test notices.
  private func asOrdinaryUser(_ body: () throws -> Void) throws {
    guard geteuid() == 0 else { return try body() }
    typealias SetFSUser = @convention(c) (UInt32) -> Int32
    let symbol = try #require(dlsym(nil, "setfsuid"))
    let setFSUser = unsafeBitCast(symbol, to: SetFSUser.self)
    _ = setFSUser(65_534)
    defer { _ = setFSUser(0) }
    try body()
  }

  private var user: String { Environment().user }

  @Test("that is as it should be raises nothing, and nothing is created")
  func fine() throws {
    let settings = try settings()
    #expect(problems(settings) == [])
    #expect(EnvironmentCheck.problems(of: settings) == [])
    #expect(Environment().kind(of: settings.state) == nil)
    var later = settings
    later.streams[0].logs = [shop.path("log").appending("not-yet.csv").string]
    #expect(problems(later) == [])
  }

  @Test("a store's folder that is away is waited for, and not to be made")
  func absent() throws {
    var settings = try settings()
    let name = settings.stores[0].name
    settings.stores[0].target = .folder("/etc/passwd/shelf")
    #expect(EnvironmentCheck.storeProblems(of: settings).count == 1)
    #expect(EnvironmentCheck.storeProblems(of: settings, absent: [name]) == [])
    // No other lane waits for it: the agent starts.
    #expect(EnvironmentCheck.problems(of: settings) == [])
  }

  @Test("missing folders are named, with the key")
  func missing() throws {
    var settings = try settings()
    settings.feeds[0].landing = shop.path("nowhere")
    settings.feeds[0].handover = shop.link("dangling", to: "/nonexistent/x")
    settings.streams[0].logs = [shop.path("nolog/x.csv").string]
    #expect(
      problems(settings) == [
        "feeds.in.landing: there is no folder D/nowhere. Create it, or change feeds.in.landing",
        "feeds.in.handover: D/dangling is a link to nothing. Create it, or change feeds.in.handover",
        "streams.out.logs[0]: there is no folder D/nolog. Create it, or change streams.out.logs[0]",
      ])
  }

  @Test("things of the wrong kind are named")
  func kinds() throws {
    var settings = try settings()
    settings.state = shop.file("state-file")
    settings.feeds[0].landing = shop.file("landing-file")
    settings.stores[0].target = .folder(shop.file("shelf-file"))
    settings.streams[0].logs = [shop.folder("log/opens.csv").string, shop.path("landing-file/x.csv").string]
    #expect(
      problems(settings) == [
        "state: D/state-file is a file, not a folder. Move it away, or change state",
        "feeds.in.landing: D/landing-file is a file, not a folder. Change feeds.in.landing",
        "streams.out.logs[1]: D/landing-file is a file, not a folder. Change streams.out.logs[1]",
        "stores.shelf.url: D/shelf-file is a file, not a folder. Move it away, or change stores.shelf.url",
      ])
    settings.state = shop.path("state-file/below")
    #expect(
      problems(settings)[0] == "state: D/state-file/below cannot be created: D/state-file is not a folder. Change state"
    )
  }

  @Test("what stands under a log's name and is none is told, and keeps no agent from starting")
  func logNames() throws {
    var settings = try settings()
    shop.folder("log/opens.csv")
    shop.folder("log/old")
    mkfifo(shop.path("log/pipe.csv").string, 0o600)
    shop.file("log/log-1.csv")
    symlink("log-1.csv", shop.path("log/current.csv").string)
    symlink("later.csv", shop.path("log/later-link.csv").string)
    symlink(shop.file("far.csv").string, shop.path("log/far.csv").string)
    func told(_ rotation: StreamSettings.Rotation, _ logs: [String]) -> [String] {
      settings.streams[0].rotation = rotation
      settings.streams[0].logs = logs.map { shop.path("log/\($0)").string }
      #expect(EnvironmentCheck.problems(of: settings) == [])
      return EnvironmentCheck.logProblems(of: settings).map {
        "\($0)".replacing(shop.root.string, with: "D").replacing("streams.out.", with: "")
      }
    }
    let folder =
      "logs[0]: D/log/opens.csv is a folder, not a file. Name a file, or a pattern for files: D/log/opens.csv/*.csv"
    let far =
      "logs[0]: D/log/far.csv is a symbolic link to D/far.csv, and links are followed only to a file beside them. "
      + "Name the folder and the file that it leads to"
    #expect(told(.follow, ["opens.csv"]) == [folder])
    #expect(told(.closed, ["*"]) == [far, told(.closed, ["pipe.csv"])[0]])
    #expect(told(.follow, ["*.csv"]).sorted() == [far, folder, told(.closed, ["pipe.csv"])[0]].sorted())
    #expect(told(.follow, ["current.csv", "later-link.csv"]) == [])
    for (rotation, word) in [(StreamSettings.Rotation.rename, "renames"), (.copytruncate, "empties")] {
      #expect(
        told(rotation, ["current.csv"]) == [
          "logs[0]: D/log/current.csv is a symbolic link, and rotation: \(rotation.rawValue) \(word) files, not what links "
            + "lead to. Name the file that it leads to, or choose rotation: follow or closed"
        ])
    }
  }

  @Test("missing rights are told for the user that the agent runs as")
  func rights() throws {
    var settings = try settings()
    shop.file("log/secret.csv", mode: 0)
    chmod(shop.path("landing").string, 0o500)
    chmod(shop.path("import").string, 0o500)
    chmod(shop.path("shelf").string, 0o500)
    chmod(shop.root.string, 0o555)
    settings.streams[0].rotation = .follow
    try asOrdinaryUser {
      #expect(
        problems(settings) == [
          "state: D/state is missing and \(user) may not create it in D. Run: install -d -o \(user) -m 0750 D/state",
          "feeds.in.landing: \(user) may not list it and take files out of it: D/landing. "
            + "Give \(user) read, write and search rights there",
          "feeds.in.handover: \(user) may not list it and put files into it: D/import. "
            + "Give \(user) read, write and search rights there",
          "streams.out.logs[0]: \(user) may not read D/log/secret.csv. Give \(user) the right to read logs there",
          "stores.shelf.url: \(user) may not read and write in D/shelf. Run: chown \(user) D/shelf",
        ])
      chmod(shop.root.string, 0o755)
    }
    chmod(shop.root.string, 0o755)
    chmod(shop.path("log").string, 0o555)
    settings.streams[0].rotation = .rename
    try asOrdinaryUser {
      #expect(
        problems(settings).last { $0.hasPrefix("streams") }
          == "streams.out.logs[0]: \(user) may not rename logs in D/log. Give \(user) read, write and search rights there, "
          + "or choose rotation: follow")
    }
  }

  @Test("a sticky folder is refused where files of others must be renamed")
  func sticky() throws {
    let settings = try settings()
    chmod(shop.path("landing").string, 0o1777)
    chmod(shop.path("log").string, 0o1777)
    var environment = Environment()
    environment.effectiveUser = 54_321
    let sticky = problems(settings, environment).filter { $0.contains("is sticky") }
    #expect(sticky.count == 2)
    #expect(
      sticky.first == "feeds.in.landing: D/landing is sticky, so that user 54321 may not take out files of others. "
        + "Run: chmod -t D/landing, or make user 54321 its owner")
    environment.effectiveUser = geteuid()
    #expect(problems(settings, environment) == [])
  }

  @Test(
    "the state folder lies on a local disk, also where it is not there yet",
    arguments: [0x6969, 0xff53_4d42, 0xfe53_4d42])
  func network(type: Int) throws {
    let settings = try settings()
    let root = shop.root
    var environment = Environment()
    environment.fileSystemType = { $0 == root ? type : 0 }
    let problems = problems(settings, environment)
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("state: D/state lies on ") == true)
    #expect(problems.first?.hasSuffix("cannot be relied on. Put the state folder on a local disk") == true)
    #expect(Environment().fileSystemType(of: root) > 0)
  }

  @Test("folders that meet behind links are found")
  func links() throws {
    var settings = try settings()
    settings.feeds[0].handover = shop.link("again", to: shop.path("landing"))
    settings.state = shop.folder("real-state")
    shop.folder("real-state/streams")
    shop.link("log-link", to: shop.path("real-state/streams"))
    settings.streams[0].logs = [shop.path("log-link/*.csv").string]
    #expect(
      problems(settings) == [
        "feeds.in.handover: what lies in one would be taken for the other's: this is the same folder as feeds.in.landing, "
          + "once links are followed (D/landing). Choose another folder",
        "streams.out.logs[0]: logs in the state folder: this lies inside the folder of state, once links are followed "
          + "(D/real-state/streams). Choose another folder",
      ])
  }

  @Test("the program that is run after a rename must be there to run")
  func program() throws {
    var settings = try settings()
    settings.streams[0].reopen = [shop.file("reopen", mode: 0o755).string, "x"]
    #expect(problems(settings) == [])
    for wrong in [shop.file("no-program", mode: 0o644), shop.path("nothing"), shop.path("log")] {
      settings.streams[0].reopen = [wrong.string]
      #expect(problems(settings).first?.hasPrefix("streams.out.reopen[0]: \(user) cannot run D/") == true)
    }
  }

  @Test("a feed that decrypts needs GnuPG, and says how to get it")
  func decrypting() throws {
    var settings = try settings()
    settings.feeds[0].decrypt = FeedSettings.Decrypt(key: Secret("x"))
    #expect(problems(settings) == [])
    var environment = Environment()
    environment.path = "\(shop.folder("bin")):\(shop.path("nothing"))"
    shop.file("bin/gpg", mode: 0o755)
    shop.file("bin/gpgconf", mode: 0o644)
    #expect(
      problems(settings, environment) == [
        "feeds.in.decrypt: GnuPG does it, and of that gpg-agent and gpgconf cannot be found in the PATH D/bin:D/nothing. "
          + "Install it (Debian: apt-get install gnupg)"
      ])
  }

  @Test("so does a stream that encrypts")
  func encrypting() throws {
    var settings = try settings()
    settings.streams[0].encrypt = StreamSettings.Encrypt(key: Secret("x"))
    #expect(problems(settings) == [])
    var environment = Environment()
    environment.path = shop.path("nothing").string
    #expect(
      problems(settings, environment) == [
        "streams.out.encrypt: GnuPG does it, and of that gpg cannot be found in the PATH D/nothing. "
          + "Install it (Debian: apt-get install gnupg)"
      ])
  }

  @Test("a file of certificates must be there to read")
  func certificates() throws {
    var settings = try settings()
    var s3 = S3Settings(bucket: "b", prefix: "", region: "r", accessKeyID: Secret("x"), secretAccessKey: Secret("x"))
    s3.caFile = shop.path("ca.pem")
    settings.stores[0].target = .s3(s3)
    #expect(
      problems(settings) == [
        "stores.shelf.ca_file: there is no file D/ca.pem. Create it, or change stores.shelf.ca_file"
      ])
    shop.file("ca.pem")
    #expect(problems(settings) == [])
  }
}
