import CCurl
import Config
import Core
import Files
import Store
import SystemPackage

/// One request at a time to an SFTP server, on connections that are kept.
final class SFTPClient: Sendable {
  private let threads: TransferThreads
  private let access: SSHAccess
  private let authority: String
  private let clock: @Sendable () -> Timestamp

  init(
    _ settings: StoreSettings, _ sftp: SFTPSettings, files: any Files, throttle: Throttle?,
    clock: @escaping @Sendable () -> Timestamp
  ) throws(StoreFault) {
    self.clock = clock
    access = try SSHAccess(sftp)
    var options = TransferOptions(settings, agent: "")
    options.ssh = access
    options.throttle = throttle
    threads = TransferThreads(slots: settings.concurrency, options: options, files: files)
    authority = "\(sftp.host):\(sftp.port)"
  }

  /// For people; without the user's name, since together they look like an address of somebody.
  func place(_ path: String) -> String { "sftp://\(authority)\(path)" }

  /// - Parameter isAlive: the server answers all the same: it is this upload that it does not want.
  func fault(_ refusal: SFTPRefusal, _ what: String, _ path: String, isAlive: Bool = false) -> StoreFault {
    let fault = refusal.fault(what, at: place(path), access: access)
    guard isAlive, fault.remedy == nil else { return fault }
    return StoreFault(
      fault.kind, fault.what, at: fault.place, why: fault.why,
      remedy: "The server does not say why: perhaps the user's quota is used up")
  }

  /// Of a file; nil where there is nothing.
  func size(of path: String, _ what: String) async throws(StoreFault) -> UInt64? {
    switch try await ask(Transfer(method: .head, url: url(path)), what, path) {
    case .success(let answer): return answer.length ?? 0
    case .failure(let refusal) where refusal.isMissing: return nil
    case .failure(let refusal): throw fault(refusal, what, path)
    }
  }

  /// Replaces what is there; makes the folders that are missing. Durable where the server offers it.
  func upload(_ file: StoredFile, to path: String, _ what: String) async throws(StoreFault) -> SFTPRefusal? {
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

  func read(_ path: String, into sink: Transfer.Sink, _ what: String) async throws(StoreFault) -> Answer? {
    switch try await ask(Transfer(method: .get, url: url(path), sink: sink), what, path) {
    case .success(let answer): return answer
    case .failure(let refusal) where refusal.isMissing: return nil
    case .failure(let refusal): throw fault(refusal, what, path)
    }
  }

  /// Empty where there is no such folder.
  func entries(of folder: String, _ what: String) async throws(StoreFault) -> [SFTPEntry] {
    let transfer = Transfer(
      method: .get, url: url(folder) + "/", sink: .bytes(limit: Limits.namesLineBytes * Limits.folderNames))
    switch try await ask(transfer, what, folder) {
    case .success(let answer):
      guard !answer.truncated, let entries = SFTPEntry.all(answer.body, now: clock()) else {
        throw StoreFault(
          .unreachable, what, at: place(folder),
          why: "the server's list of this folder is too long, or not like that of ls -l")
      }
      return entries
    case .failure(let refusal) where refusal.isMissing: return []
    case .failure(let refusal): throw fault(refusal, what, folder)
    }
  }

  func rename(_ path: String, to target: String, _ what: String) async throws(StoreFault) -> SFTPRefusal? {
    try await command("rename \(quoted(path)) \(quoted(target))", what, target)
  }

  func remove(_ path: String, _ what: String) async throws(StoreFault) -> SFTPRefusal? {
    try await command("rm \(quoted(path))", what, path)
  }

  /// Nil where the server does not tell.
  func space(at folder: String, _ what: String) async throws(StoreFault) -> SFTPSpace? {
    var transfer = Transfer(method: .head, url: url("/"))
    transfer.commands = ["statvfs \(quoted(folder))"]
    guard case .success(let answer) = try await ask(transfer, what, folder) else { return nil }
    return SFTPSpace(answer.headers)
  }

  // MARK: Parts

  private func command(_ text: String, _ what: String, _ path: String) async throws(StoreFault) -> SFTPRefusal? {
    // The folder of the URL is not looked at: libcurl does the command and stops.
    var transfer = Transfer(method: .head, url: url("/"))
    transfer.commands = [text]
    return try await refusal(transfer, what, path)
  }

  private func refusal(_ transfer: Transfer, _ what: String, _ path: String) async throws(StoreFault) -> SFTPRefusal? {
    guard case .failure(let refusal) = try await ask(transfer, what, path) else { return nil }
    return refusal
  }

  private func ask(
    _ transfer: Transfer, _ what: String, _ path: String
  ) async throws(StoreFault) -> Result<Answer, SFTPRefusal> {
    do {
      return .success(try await threads.run(transfer))
    } catch {
      guard case .curl(let code, let text) = error else { throw error.fault(what, at: place(path)) }
      return .failure(SFTPRefusal(code: code, text: text))
    }
  }

  private func url(_ path: String) -> String { "sftp://\(authority)\(SigV4.encode(path, keeping: "/"))" }

  /// libcurl takes a quote or a backslash within quotes after a backslash.
  private func quoted(_ path: String) -> String {
    "\"" + path.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
  }
}
