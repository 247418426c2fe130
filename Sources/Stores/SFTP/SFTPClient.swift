import CCurl
import Config
import Core
import Files
import Store
import SystemPackage
import Threads

/// Of which type the pinned key of a server is, as soon as that is known.
private final class HostKeyTypes: Sendable {
  /// What libssh2 knows; of RSA with any digest.
  static let all = [
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "rsa-sha2-512,rsa-sha2-256,ssh-rsa",
  ]
  private let found = Locked<String?>(nil)
  var known: String? { found.withLock { $0 } }
  func note(_ types: String?) { found.withLock { $0 = types } }
}

/// Why a folder could not be listed.
struct SFTPFolderFault: Error {
  let fault: StoreFault
  /// It is of this folder, and not of the server.
  let isOfFolder: Bool
  /// Nothing came for long, which may be either.
  let isSilence: Bool
}

/// One request at a time to an SFTP server, on connections that are kept.
final class SFTPClient: Sendable {
  private let threads: TransferThreads
  private let access: SSHAccess
  private let authority: String
  /// Somebody vouches that nobody else writes there.
  private let mayNotLook: Bool
  private let keyTypes = HostKeyTypes()

  init(
    _ settings: StoreSettings, _ sftp: SFTPSettings, files: any Files, throttle: Throttle?,
    library: TransferLibrary = .current
  ) throws(StoreFault) {
    access = try SSHAccess(sftp, library: library)
    var options = TransferOptions(settings, agent: "")
    options.ssh = access
    options.throttle = throttle
    threads = TransferThreads(slots: settings.concurrency, options: options, files: files)
    authority = "\(sftp.host):\(sftp.port)"
    mayNotLook = settings.trust == .singleWriter
  }

  /// For people; without the user's name, since together they look like an address of somebody.
  func place(_ path: FilePath) -> String { "sftp://\(authority)\(path.shown)" }

  /// - Parameter isAlive: the server answers all the same: it is this upload that it does not want.
  func fault(_ refusal: SFTPRefusal, _ what: String, _ path: FilePath, isAlive: Bool = false) -> StoreFault {
    let fault = refusal.fault(what, at: place(path), access: access)
    guard isAlive, fault.remedy == nil else { return fault }
    return StoreFault(
      fault.kind, fault.what, at: fault.place, why: fault.why,
      remedy: "The server does not say why: perhaps the user's quota is used up")
  }

  /// The same for what is read: where the server is there and does not give this file, the file is to blame.
  private func readFault(_ refusal: SFTPRefusal, _ what: String, _ path: FilePath) -> StoreFault {
    let fault = fault(refusal, what, path)
    guard fault.kind == .unreachable, refusal.isOfOne else { return fault }
    return StoreFault(.refused, fault.what, at: fault.place, why: fault.why, remedy: fault.remedy)
  }

  /// Nil where there is nothing. The size of a file that has none to tell is 0.
  func attributes(of path: FilePath, _ what: String) async throws(StoreFault) -> SFTPAttributes? {
    switch try await ask(Transfer(method: .head, url: url(path)), what, path) {
    case .success(let answer): return try told(answer, what, path)
    case .failure(let refusal) where refusal.isMissing: return nil
    case .failure(let refusal): throw fault(refusal, what, path)
    }
  }

  /// libcurl calls it a success where the file could be opened and the look at it was never answered, as when the connection ends then.
  private func told(_ answer: Answer, _ what: String, _ path: FilePath) throws(StoreFault) -> SFTPAttributes {
    guard access.readsAttributes else {
      var found = answer.attributes ?? SFTPAttributes()
      found.size = found.size ?? answer.length ?? 0
      return found
    }
    guard let found = answer.attributes, found.size != nil else {
      throw StoreFault(
        .unreachable, what, at: place(path), why: "the server did not tell how large it is",
        remedy: "It is tried again; if it stays: ask who runs the server")
    }
    return found
  }

  /// What is seen of a file: a user may have the right to write into a folder, and none to look into it.
  enum Sight: Hashable {
    case nothing, forbidden
    case file(size: UInt64)
  }

  /// - Throws: where looking is forbidden, unless somebody vouches for the store.
  func sight(of path: FilePath, _ what: String) async throws(StoreFault) -> Sight {
    switch try await ask(Transfer(method: .head, url: url(path)), what, path) {
    case .success(let answer):
      if mayNotLook, answer.attributes == nil { return .forbidden }
      return .file(size: try told(answer, what, path).size ?? 0)
    case .failure(let refusal) where refusal.isMissing: return .nothing
    case .failure(let refusal) where refusal.isForbidden && mayNotLook: return .forbidden
    case .failure(let refusal):
      let fault = fault(refusal, what, path)
      guard refusal.isForbidden else { throw fault }
      throw StoreFault(
        .denied, fault.what, at: fault.place, why: fault.why,
        remedy:
          "Give the user the right to look at files there, and to read them; or, where nobody else writes there, set the "
          + "store's trust: single_writer, and go without")
    }
  }

  /// Of a file; nil where there is nothing.
  func size(of path: FilePath, _ what: String) async throws(StoreFault) -> UInt64? {
    try await attributes(of: path, what)?.size
  }

  /// Replaces what is there; makes the folders that are missing. Durable where the server offers it.
  func upload(_ file: StoredFile, to path: FilePath, _ what: String) async throws(StoreFault) -> SFTPRefusal? {
    let body = Transfer.Body.file(file.path, size: file.size)
    switch try await ask(Transfer(method: .put, url: url(path), body: body), what, path) {
    case .failure(let refusal): return refusal
    case .success(let answer):
      guard answer.serverSync == .failed else { return nil }
      throw StoreFault(
        .unreachable, what, at: place(path), why: "the server took all bytes and could not make them durable",
        remedy: "Look at the server's disk: its fsync failed")
    }
  }

  func read(_ path: FilePath, into sink: Transfer.Sink, _ what: String) async throws(StoreFault) -> Answer? {
    switch try await ask(Transfer(method: .get, url: url(path), sink: sink), what, path) {
    case .success(let answer): return answer
    case .failure(let refusal) where refusal.isMissing: return nil
    case .failure(let refusal): throw readFault(refusal, what, path)
    }
  }

  /// Empty where there is no such folder.
  func contents(of folder: FilePath, _ what: String) async throws(SFTPFolderFault) -> SFTPFolder {
    var transfer = Transfer(
      method: .get, url: folderURL(folder), sink: .bytes(limit: Limits.namesLineBytes * Limits.folderNames))
    transfer.lists = true
    let result: Result<Answer, SFTPRefusal>
    do { result = try await ask(transfer, what, folder) } catch {
      throw SFTPFolderFault(fault: error, isOfFolder: false, isSilence: false)
    }
    switch result {
    case .success(let answer):
      let found = answer.truncated ? nil : SFTPFolder(answer.body, withAttributes: answer.listsAttributes)
      if let found { return found }
      throw SFTPFolderFault(
        fault: StoreFault(
          .unreachable, what, at: place(folder), why: "the server's list of this folder is too long, or none",
          remedy: "Move what is finished out of the folder"), isOfFolder: true, isSilence: false)
    case .failure(let refusal) where refusal.isMissing: return SFTPFolder()
    case .failure(let refusal):
      throw SFTPFolderFault(
        fault: readFault(refusal, what, folder), isOfFolder: refusal.isOfOne, isSilence: refusal.isSilence)
    }
  }

  /// What a folder's list did not tell of a name in it; nil where there is nothing, or nothing that we may look at.
  func look(at path: FilePath, _ what: String) async throws(StoreFault) -> SFTPAttributes? {
    if !access.readsAttributes {
      // With a slash at its end only a folder has a time.
      let asked = try await ask(Transfer(method: .head, url: folderURL(path)), what, path)
      if case .success(let answer) = asked, answer.attributes != nil { return SFTPAttributes(mode: 0o040000) }
    }
    switch try await ask(Transfer(method: .head, url: url(path)), what, path) {
    case .success(let answer):
      var found = try told(answer, what, path)
      if found.kind == nil { found.mode = 0o100000 | (found.mode ?? 0) }
      return found
    case .failure(let refusal) where refusal.isMissing || refusal.isOfOne: return nil
    case .failure(let refusal): throw fault(refusal, what, path)
    }
  }

  func rename(_ path: FilePath, to target: FilePath, _ what: String) async throws(StoreFault) -> SFTPRefusal? {
    try await command(Array("rename ".utf8) + quoted(path) + [32] + quoted(target), what, target)
  }

  func remove(_ path: FilePath, _ what: String) async throws(StoreFault) -> SFTPRefusal? {
    try await command(Array("rm ".utf8) + quoted(path), what, path)
  }

  /// Nil where the server does not tell.
  func space(at folder: FilePath, _ what: String) async throws(StoreFault) -> SFTPSpace? {
    var transfer = Transfer(method: .head, url: url("/"))
    transfer.commands = [Array("statvfs ".utf8) + quoted(folder)]
    guard case .success(let answer) = try await ask(transfer, what, folder) else { return nil }
    return SFTPSpace(answer.headers)
  }

  // MARK: Parts

  private func command(_ text: [UInt8], _ what: String, _ path: FilePath) async throws(StoreFault) -> SFTPRefusal? {
    // The folder of the URL is not looked at: libcurl does the command and stops.
    var transfer = Transfer(method: .head, url: url("/"))
    transfer.commands = [text]
    return try await refusal(transfer, what, path)
  }

  private func refusal(_ transfer: Transfer, _ what: String, _ path: FilePath) async throws(StoreFault) -> SFTPRefusal?
  {
    guard case .failure(let refusal) = try await ask(transfer, what, path) else { return nil }
    return refusal
  }

  private func ask(
    _ transfer: Transfer, _ what: String, _ path: FilePath
  ) async throws(StoreFault) -> Result<Answer, SFTPRefusal> {
    var transfer = transfer
    transfer.hostKeyTypes = keyTypes.known
    let first = try await askOnce(transfer, what, path)
    guard case .failure(let refusal) = first, refusal.isOtherKey, access.readsAttributes, access.hostKey.pin != nil
    else {
      return first
    }
    // A server may have keys of several types; of which one the digest is, it does not say.
    var shown: [String] = []
    for types in HostKeyTypes.all {
      transfer.hostKeyTypes = types
      let result = try await askOnce(transfer, what, path)
      guard case .failure(let refusal) = result, refusal.isOtherKey || refusal.hasNoSuchKey else {
        keyTypes.note(types)
        return result
      }
      if refusal.isOtherKey { shown.append(types) }
    }
    keyTypes.note(nil)
    return .failure(refusal.told(of: shown))
  }

  private func askOnce(
    _ transfer: Transfer, _ what: String, _ path: FilePath
  ) async throws(StoreFault) -> Result<Answer, SFTPRefusal> {
    do {
      return .success(try await threads.run(transfer))
    } catch {
      switch error {
      case .curl(let code, let text): return .failure(SFTPRefusal(code: code, text: text))
      case .server(let code, let text, let number):
        return .failure(SFTPRefusal(code: code, text: text, number: number))
      case .file, .cancelled: throw error.fault(what, at: place(path))
      }
    }
  }

  private func url(_ path: FilePath) -> String { "sftp://\(authority)\(Self.encoded(path))" }

  /// Ends in one slash, by which libcurl knows that it is a folder.
  private func folderURL(_ path: FilePath) -> String { path == "/" ? url(path) : url(path) + "/" }

  /// Bytes that need not be text. Without the zero at its end.
  private static func bytes(_ path: FilePath) -> [UInt8] {
    path.withPlatformString { text in
      var (bytes, next): ([UInt8], UnsafePointer<CChar>) = ([], text)
      while next.pointee != 0 {
        bytes.append(UInt8(bitPattern: next.pointee))
        next += 1
      }
      return bytes
    }
  }

  private static func encoded(_ path: FilePath) -> String {
    bytes(path).map { byte in
      switch byte {
      case 0x2d...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "~"): String(UnicodeScalar(byte))
      default: "%\(Hex.encode([byte]))"
      }
    }.joined()
  }

  /// libcurl takes a quote or a backslash within quotes after a backslash.
  private func quoted(_ path: FilePath) -> [UInt8] {
    let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
    // Of quoted names libcurl does not know that `/~/` is the user's own folder; for the server that is where others begin.
    var bytes = Self.bytes(path)
    if bytes.starts(with: "/~/".utf8) { bytes.removeFirst(3) } else if bytes.elementsEqual("/~".utf8) { bytes = [46] }
    return [quote] + bytes.flatMap { $0 == quote || $0 == backslash ? [backslash, $0] : [$0] } + [quote]
  }
}
