import CCurl
import CLinux
import Config
import Core
import Files
import Glibc
import SystemPackage

// File level, so that nothing makes them belong to the main actor. `user` is the `Exchange`, held by `CurlHandle.perform`.
private let sendBody: cc_io = { buffer, size, count, user in
  guard let exchange = exchange(user) else { return Int(CURL_READFUNC_ABORT) }
  return exchange.send(into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
    ?? Int(CURL_READFUNC_ABORT)
}
private let seekBody: cc_seek = { user, offset, origin in
  guard let exchange = exchange(user), origin == SEEK_SET, offset >= 0 else { return Int32(CURL_SEEKFUNC_CANTSEEK) }
  exchange.seek(to: UInt64(offset))
  return Int32(CURL_SEEKFUNC_OK)
}
private let takeHeader: cc_io = { line, size, count, user in
  exchange(user)?.header(UnsafeRawBufferPointer(start: line, count: size * count))
  return size * count
}
private let takeBody: cc_io = { bytes, size, count, user in
  guard let context = user.map({ Unmanaged<CurlHandle>.fromOpaque($0).takeUnretainedValue() }) else { return 0 }
  return context.receive(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private let judgeHostKey: curl_sshkeycallback = { _, _, found, match, user in
  guard let handle = user.map({ Unmanaged<CurlHandle>.fromOpaque($0).takeUnretainedValue() }), let key = found?.pointee
  else { return Int32(CURLKHSTAT_REJECT.rawValue) }
  let seen = HostKeySeen(key, match, expecting: handle.expectedHostKey, isWhole: handle.hostKeyIsWhole)
  handle.hostKey = seen
  return Int32((seen.isRight ? CURLKHSTAT_FINE : CURLKHSTAT_REJECT).rawValue)
}

private func exchange(_ user: UnsafeMutableRawPointer?) -> Exchange? {
  user.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
}

/// Once per process, before the first handle; a global constant is made once, by one thread.
private let curlStarted: CURLcode = cc_global_init()

/// One curl handle with the connections it keeps. Everything but its bell belongs to one thread.
///
/// A multi handle drives the single transfer because a wait of its own ends at once when the bell rings, while the progress callback of
/// `curl_easy_perform` comes once a second. `curl_multi_wakeup` would do the same, but RHEL 8 has a libcurl from before it (7.68).
final class CurlHandle {
  /// Ends a wait of the handle, from any thread, while the handle lives.
  struct Bell: Sendable {
    fileprivate let descriptor: Int32
    func ring() { cl_event_raise(descriptor) }
    fileprivate func silence() { cl_event_clear(descriptor) }
  }

  private let easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  let bell: Bell
  private let errorText: UnsafeMutablePointer<CChar>
  private let options: TransferOptions
  private let files: any Files
  private var current: Exchange?
  fileprivate var hostKey: HostKeySeen?
  fileprivate var expectedHostKey: String? { options.ssh?.hostKey.pin }
  fileprivate var hostKeyIsWhole: Bool { if case .key = options.ssh?.hostKey { true } else { false } }

  init?(options: TransferOptions, files: any Files) {
    guard curlStarted == CURLE_OK, let easy = curl_easy_init() else { return nil }
    let bell = cl_event_descriptor()
    guard bell >= 0, let multi = curl_multi_init() else {
      if bell >= 0 { close(bell) }
      curl_easy_cleanup(easy)
      return nil
    }
    self.bell = Bell(descriptor: bell)
    self.easy = easy
    self.multi = multi
    self.options = options
    self.files = files
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    cc_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 2)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_multi_cleanup(multi)
    close(bell.descriptor)
    errorText.deallocate()
  }

  /// Blocks until there is an answer or a reason for none.
  /// - Parameter onMove: called whenever bytes have moved, either way.
  func perform(
    _ transfer: Transfer, onMove: @escaping () -> Void = {}, isCancelled: () -> Bool
  ) throws(TransferFailure) -> Answer {
    let exchange: Exchange
    do { exchange = try Exchange(transfer, files: files, throttle: options.throttle, onMove: onMove) } catch {
      throw .file(error)
    }
    current = exchange
    var isDone = false
    defer {
      if !isDone { exchange.discard() }
      current = nil
    }
    // An empty `Expect` keeps curl from waiting a second for leave to send.
    let headers = (transfer.headers + [("Expect", "")]).map { name, value in
      Array((value.isEmpty ? "\(name):" : "\(name): \(value)").utf8)
    }
    let (list, commands) = (Self.list(of: headers), Self.list(of: transfer.commands))
    defer {
      curl_slist_free_all(list)
      curl_slist_free_all(commands)
    }
    try prepare(transfer)
    cc_set_list(easy, CURLOPT_HTTPHEADER, list)
    cc_set_list(easy, CURLOPT_QUOTE, commands)
    cc_sync_begin(options.ssh != nil && transfer.method == .put ? 1 : 0)
    cc_host_key_types(transfer.hostKeyTypes)
    cc_files_begin(transfer.lists && options.ssh?.readsAttributes == true ? 1 : 0)
    let code = try withExtendedLifetime(exchange) { () throws(TransferFailure) in
      let user = Unmanaged.passUnretained(exchange).toOpaque()
      cc_set_ptr(easy, CURLOPT_READDATA, user)
      cc_set_ptr(easy, CURLOPT_SEEKDATA, user)
      cc_set_ptr(easy, CURLOPT_HEADERDATA, user)
      return try drive(exchange, isCancelled)
    }
    let listsAttributes = cc_files_end() != 0
    if let failure = exchange.failure { throw .file(failure) }
    let cutShortByUs = code == CURLE_WRITE_ERROR && exchange.answer.truncated
    guard code == CURLE_OK || cutShortByUs else {
      if options.ssh != nil { throw .server(truth(of: code), detail(of: code), number: UInt(cc_refusal())) }
      throw .curl(truth(of: code), detail(of: code))
    }
    // libcurl takes a connection that ends within the headers for an answer without a body.
    guard exchange.answer.headers.isWhole else {
      throw .curl(CURLE_PARTIAL_FILE, "the connection ended within the headers of the answer")
    }
    do {
      var answer = try exchange.finished(status: status, length: length)
      answer.serverSync = ServerSync(cc_sync_outcome())
      answer.listsAttributes = listsAttributes
      answer.attributes = options.ssh.flatMap(attributes)
      isDone = true
      return answer
    } catch {
      throw .file(error)
    }
  }

  /// libcurl copies each line. - Returns: nil for none.
  private static func list(of lines: [[UInt8]]) -> UnsafeMutablePointer<curl_slist>? {
    lines.reduce(nil) { list, line in
      (line + [0]).withUnsafeBytes { curl_slist_append(list, $0.bindMemory(to: CChar.self).baseAddress) }
    }
  }

  fileprivate func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    current?.receive(bytes, status: status) ?? false
  }

  /// A login that the server did not live to judge is not refused.
  private func truth(of code: CURLcode) -> CURLcode {
    let isDoubtful =
      code == CURLE_LOGIN_DENIED || (code == CURLE_FAILED_INIT && detail(of: code).contains("sftp session"))
    return options.ssh != nil && isDoubtful && cc_session_broke() != 0 ? CURLE_RECV_ERROR : code
  }

  private func detail(of code: CURLcode) -> String {
    if code == CURLE_PEER_FAILED_VERIFICATION, let hostKey { return hostKey.description }
    return String(cString: errorText)
  }

  private func attributes(_ ssh: SSHAccess) -> SFTPAttributes? {
    if ssh.readsAttributes { return SFTPAttributes(cc_told_attributes()) }
    var seconds: curl_off_t = -1
    cc_get_off(easy, CURLINFO_FILETIME_T, &seconds)
    return UInt64(exactly: seconds).map { SFTPAttributes(size: length, seconds: $0) }
  }

  private var length: UInt64? {
    var length: curl_off_t = -1
    cc_get_off(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length)
    return UInt64(exactly: length)
  }

  /// SFTP has none: what curl calls a success is one.
  private var status: Int {
    if options.ssh != nil { return 200 }
    var status = 0
    cc_get_long(easy, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  private func drive(_ exchange: Exchange, _ isCancelled: () -> Bool) throws(TransferFailure) -> CURLcode {
    guard curl_multi_add_handle(multi, easy) == CURLM_OK else { throw .curl(CURLE_FAILED_INIT, "") }
    defer { curl_multi_remove_handle(multi, easy) }
    var running: Int32 = 0
    // For SFTP, where curl's own low-speed limit holds for bytes only: a server silent before them would keep us for ever.
    var lastMove = (bytes: exchange.moved, at: SystemClock.uptime())
    let patience = options.ssh == nil ? nil : options.stallTimeout + options.connectTimeout
    while true {
      guard curl_multi_perform(multi, &running) == CURLM_OK else { throw .curl(CURLE_FAILED_INIT, "") }
      if running == 0 { break }
      if isCancelled() { throw .cancelled }
      if let patience {
        let now = SystemClock.uptime()
        if exchange.moved != lastMove.bytes { lastMove = (exchange.moved, now) }
        if now - lastMove.at > patience { throw .curl(CURLE_OPERATION_TIMEDOUT, "the server is silent") }
      }
      // curl's own timers end the wait earlier where it has any.
      let longest = patience.map { Int32(clamping: $0.milliseconds + 1) } ?? Limits.pollMilliseconds
      var waited = curl_waitfd(fd: bell.descriptor, events: Int16(CURL_WAIT_POLLIN), revents: 0)
      guard curl_multi_wait(multi, &waited, 1, min(longest, Limits.pollMilliseconds), nil) == CURLM_OK else {
        throw .curl(CURLE_FAILED_INIT, "")
      }
      if waited.revents != 0 { bell.silence() }
    }
    var code = CURLE_FAILED_INIT
    return cc_multi_result(multi, &code) == 1 ? code : CURLE_FAILED_INIT
  }

  /// Everything anew: `curl_easy_reset` forgets options and keeps connections.
  private func prepare(_ transfer: Transfer) throws(TransferFailure) {
    curl_easy_reset(easy)
    errorText.pointee = 0
    hostKey = nil
    cc_set_ptr(easy, CURLOPT_ERRORBUFFER, errorText)
    cc_set_str(easy, CURLOPT_URL, transfer.url)
    guard cc_set_protocols(easy, options.ssh == nil ? 0 : 1) == CURLE_OK else {
      throw .curl(CURLE_NOT_BUILT_IN, "this libcurl cannot be kept to one protocol")
    }
    if let ssh = options.ssh {
      guard ssh.apply(to: easy, judgeHostKey, Unmanaged.passUnretained(self).toOpaque()) else {
        throw .curl(CURLE_NOT_BUILT_IN, "this libcurl cannot check SSH host keys")
      }
      if transfer.lists { cc_set_long(easy, CURLOPT_DIRLISTONLY, 1) }
      // A request more, where the library between tells nothing.
      if !ssh.readsAttributes { cc_set_long(easy, CURLOPT_FILETIME, 1) }
    }
    cc_set_long(easy, CURLOPT_PATH_AS_IS, 1)
    cc_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
    cc_set_long(easy, CURLOPT_NOSIGNAL, 1)
    // HTTP/2 doubles the CPU of a bulk upload.
    cc_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    cc_set_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let caFile = options.caFile {
      cc_set_str(easy, CURLOPT_CAINFO, caFile.string)
      cc_set_str(easy, CURLOPT_CAPATH, nil)
    }
    switch options.proxy {
    case .environment: break
    case .none: cc_set_str(easy, CURLOPT_PROXY, "")
    case .url(let url):
      cc_set_str(easy, CURLOPT_PROXY, url.reveal())
      // Said for this store, it holds for it: NO_PROXY of the environment does not.
      cc_set_str(easy, CURLOPT_NOPROXY, "")
    }
    prepareTimes(transfer)
    cc_set_long(easy, CURLOPT_BUFFERSIZE, options.throttle == nil ? Limits.chunkBytes : Limits.throttledBytes)
    cc_set_long(easy, CURLOPT_UPLOAD_BUFFERSIZE, Limits.chunkBytes)
    cc_set_str(easy, CURLOPT_USERAGENT, options.agent)
    cc_set_io(easy, CURLOPT_READFUNCTION, sendBody)
    cc_set_seek(easy, seekBody)
    cc_set_io(easy, CURLOPT_HEADERFUNCTION, takeHeader)
    cc_set_io(easy, CURLOPT_WRITEFUNCTION, takeBody)
    cc_set_ptr(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
    switch transfer.method {
    case .get: cc_set_long(easy, CURLOPT_HTTPGET, 1)
    case .head:
      cc_set_long(easy, CURLOPT_NOBODY, 1)
    case .delete: cc_set_str(easy, CURLOPT_CUSTOMREQUEST, transfer.method.rawValue)
    case .put, .post:
      // As an upload, so that the body comes from `sendBody`; only the verb differs.
      cc_set_long(easy, CURLOPT_UPLOAD, 1)
      cc_set_off(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(transfer.body.size))
      if transfer.method == .post { cc_set_str(easy, CURLOPT_CUSTOMREQUEST, transfer.method.rawValue) }
    }
  }

  private func prepareTimes(_ transfer: Transfer) {
    cc_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Int(options.connectTimeout.milliseconds))
    cc_set_long(easy, CURLOPT_LOW_SPEED_LIMIT, 1)
    cc_set_long(easy, CURLOPT_LOW_SPEED_TIME, max(1, Int(options.stallTimeout.milliseconds / 1000)))
    guard let longest = transfer.longest(options) else { return }
    cc_set_long(easy, CURLOPT_TIMEOUT_MS, max(1, Int(clamping: longest.milliseconds)))
  }
}
