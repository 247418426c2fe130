import Core

/// Every number that bounds the stores, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// Bytes a second of an answer, below which a store is not waited for: a page of a list at modem speed.
  static let slowestAnswer: UInt64 = 16 * 1024

  /// The same of what is sent: 256 MiB in three days.
  static let slowestBody: UInt64 = 1024

  /// Pages of one list, 1,000 objects each where the service keeps to it: a list must end.
  static let listPages = 100_000

  /// Pages in a row without anything that was asked for: services give some while they look on, and not for ever.
  static let emptyListPages = 100

  /// Objects on one page: services keep to 1,000, Azure to 5,000.
  static let pageObjects = 10_000

  /// Objects on a page that is made here, of a folder or an SFTP server: as many as services give.
  static let ownPage = 1_000

  /// Names in one folder of an SFTP server, and folders and objects of it that are known at a time.
  static let folderNames = 300_000

  /// Bytes of one name in a list of an SFTP server, on average: with `folderNames` the bound of a list.
  static let namesLineBytes = 80

  /// One page of a list of S3: 1,000 keys of 1,024 bytes, each byte escaped, and their fields.
  static let s3PageBytes = 8 << 20

  /// One page of a list of Azure: 5,000 objects.
  static let azurePageBytes = 16 << 20

  /// Folders of an SFTP server that rest since nothing came when they were asked for; more are asked for each time.
  static let silentFolders = 1_000

  /// The longest of their rests: each attempt costs a transfer's whole patience.
  static let silentLongest: Duration = .seconds(3_600)

  /// Larger objects go to S3 in parts.
  static let s3MultipartAbove: UInt64 = 64 << 20

  /// Parts but the last have at least so much; AWS refuses less than 5 MiB.
  static let s3PartBytes: UInt64 = 16 << 20

  /// Up to here a file goes to Azure in one piece.
  static let azureBlocksAbove: UInt64 = 64 << 20

  /// Blocks of larger ones.
  static let azureBlockBytes: UInt64 = 8 << 20

  /// To connect to the metadata service of an Azure machine, which is on the same host.
  static let azureHostTimeout: Duration = .seconds(3)

  /// A token of Azure is renewed so long before it ends.
  static let azureTokenEarly: Duration = .seconds(300)

  /// Seconds for which a token of Azure is believed to hold at most.
  static let azureTokenLife: Int64 = 7 * 86_400

  /// The file with the assertion of a workload: some two kilobytes.
  static let azureAssertionBytes = 64 * 1024

  /// Seconds for which an assertion signed here holds: it is used at once, and Entra takes ten minutes.
  static let azureAssertionLife: Int64 = 600

  /// Seconds between two clocks from which on theirs is taken for signing: services bear 15 minutes.
  static let skewTold: Int64 = 240

  /// The same where the service says that the clock is the reason.
  static let skewCoded: Int64 = 30

  /// Seconds at most that a service may ask us to wait: a day is more than any means.
  static let retryAfter: Int64 = 86_400

  /// Characters of what a service says that are shown.
  static let shownRefusal = 200

  /// Characters of what a page of HTML calls itself.
  static let shownTitle = 80

  /// Levels of an answer: deeper than anything S3 sends.
  static let xmlDepth = 32

  /// AWS hands out new keys of a machine at least five minutes before the old ones end: they are renewed then.
  static let keysEarly: Duration = .seconds(300)

  /// No request is signed with keys that end sooner.
  static let keysMargin: Duration = .seconds(15)

  /// A renewal of keys that failed is tried again after this.
  static let keysPause: Duration = .seconds(30)

  /// To connect to what gives keys to this machine or container: it is near, or it is not there.
  static let keysConnect: Duration = .seconds(1)

  /// Without a byte of it.
  static let keysStall: Duration = .seconds(2)

  /// A file with keys or profiles.
  static let keysFileBytes = 1 << 20

  /// A file with the token of a container.
  static let keysTokenBytes = 1 << 16

  /// A program that gives keys has so long.
  static let programTimeout: Duration = .seconds(60)

  /// What it prints: a document has a few hundred bytes; session tokens may have thousands.
  static let programBytes = 64 * 1024

  /// One read of what it prints.
  static let programRead = 4096

  /// Without a byte moved in a folder: a disk may take long to make a large file durable.
  static let folderPatience: Duration = .seconds(1_800)

  /// What a call to another store has beyond its own limits, without a byte moved: a program that gives keys has as
  /// long.
  static let callExtra: Duration = .seconds(60)

  /// To connect, where the settings do not say.
  static let connectTimeout: Duration = .seconds(10)

  /// Without a byte, where the settings do not say.
  static let stallTimeout: Duration = .seconds(60)

  /// An error's body is a few hundred bytes; what is longer is not read.
  static let errorBytes = 64 * 1024

  /// Under an allowance a piece is waited for before the next is taken: it must be small, or nothing can end the
  /// wait.
  static let throttledBytes = 16 * 1024

  /// The longest wait in libcurl, which its own timers end earlier.
  static let pollMilliseconds: Int32 = 60_000

  /// Fields of an answer: libcurl bounds their bytes (300 KiB), and nobody needs more.
  static let headerFields = 200

  /// The file of `ca_file`: that of a whole machine has some 250 KiB.
  static let authoritiesBytes = 8 << 20

  /// The table of a host's file systems, /etc/fstab: some kilobytes.
  static let mountTableBytes = 1 << 20

  /// The file in which is kept where a folder lay: some hundred bytes.
  static let folderMemoryBytes = 64 << 10
}

extension Limits {
  /// Probes that want one name at once: enough that a store which looks first and writes afterwards is caught.
  static let contestants = 4

  /// A probe comes again so often, where the store asks for that.
  static let contestTries = 4

  /// Before it comes for the second time; then four times as long each time.
  static let contestPause: Duration = .milliseconds(200)

  /// A store is tried again after a week: services are changed without a word.
  static let proofAge: Duration = .seconds(7 * 86_400)

  /// The file of a proof is far smaller; what is larger is something else.
  static let proofBytes = 64 << 10

  /// Names of a service's versions that are remembered: a cluster that is being renewed answers by two.
  static let proofServers = 8
}
