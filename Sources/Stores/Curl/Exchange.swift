import CCurl
import Core
import Crypto
import Files
import Glibc
import Store
import SystemPackage

/// One transfer under way: what curl's callbacks read from and write to. It lives on one thread, for one transfer.
final class Exchange {
  let transfer: Transfer
  private let files: any Files
  private let throttle: Throttle?
  private let onMove: () -> Void
  private(set) var answer = Answer()
  /// Ours, not curl's: it explains curl's "aborted by callback".
  private(set) var failure: FileFault?
  private var source: (any ReadableFile)?
  private var target: (any WritableFile)?
  private var sent: UInt64 = 0
  private var hash = SHA256()
  /// Grows with every byte that moves, either way.
  private(set) var moved: UInt64 = 0 { didSet { onMove() } }

  init(_ transfer: Transfer, files: any Files, throttle: Throttle? = nil, onMove: @escaping () -> Void = {})
    throws(FileFault)
  {
    self.onMove = onMove
    self.transfer = transfer
    self.files = files
    self.throttle = throttle
    switch transfer.body {
    case .none, .bytes: break
    case .file(let path, let size):
      let file = try files.open(path)
      let found = try file.info().size
      guard found == size else {
        throw FileFault(
          .missing, "Cannot send", at: path, why: "it has \(counted(found, "byte")) instead of \(size)")
      }
      source = file
    case .slice(let path, _, _): source = try files.open(path)
    }
  }

  /// Bytes put into the buffer, 0 at the end; nil to abort.
  func send(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    let rest = transfer.body.size -| sent
    guard rest > 0 else { return 0 }
    let allowed = heed(throttle, Int(min(rest, UInt64(buffer.count))))
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(allowed))
    let count: Int
    switch transfer.body {
    case .none: return 0
    case .bytes(let bytes):
      room.copyBytes(from: bytes[Int(sent)..<(Int(sent) + room.count)])
      count = room.count
    case .file(let path, let size):
      guard let read = read(path, from: 0, size, into: room) else { return nil }
      count = read
    case .slice(let path, let from, let size):
      guard let read = read(path, from: from, size, into: room) else { return nil }
      count = read
    }
    sent += UInt64(count)
    moved += UInt64(count)
    if sent == transfer.body.size { cc_sync_arm() }
    return count
  }

  /// Waits for bytes of an object that have come: the next are not taken meanwhile, which slows the sender down.
  private func pace(_ count: Int) {
    var left = count
    while left > 0, throttle != nil { left -= heed(throttle, left) }
  }

  /// Waits until so many bytes may be sent: a fraction of a second for each transfer that is under way.
  private func heed(_ throttle: Throttle?, _ wanted: Int) -> Int {
    guard let (bytes, wait) = throttle?.take(wanted, at: SystemClock.now()) else { return wanted }
    if wait > .zero { usleep(UInt32(clamping: wait.nanoseconds / 1_000)) }
    return bytes
  }

  private func read(_ path: FilePath, from: UInt64, _ size: UInt64, into room: UnsafeMutableRawBufferPointer) -> Int? {
    do throws(FileFault) {
      let count = try source?.read(into: room, at: from + sent) ?? 0
      guard count > 0 else {
        throw FileFault(
          .missing, "Cannot send", at: path,
          why: "it ends after \(from + sent) of \(counted(from + size, "byte"))")
      }
      return count
    } catch {
      failure = error
      return nil
    }
  }

  /// Back to an earlier byte: where a kept connection turns out to be dead, curl sends the request again on a new one.
  func seek(to offset: UInt64) { sent = offset }

  func header(_ line: UnsafeRawBufferPointer) {
    moved += UInt64(line.count)
    answer.headers.take(line: line)
  }

  /// False to abort.
  func receive(_ bytes: UnsafeRawBufferPointer, status: Int) -> Bool {
    answer.received += UInt64(bytes.count)
    moved += UInt64(bytes.count)
    var limit = Limits.errorBytes
    switch transfer.sink {
    case .bytes(let most): limit = most
    case .file(let path, let most) where isWanted(status):
      guard answer.received <= most else {
        answer.truncated = true
        return false
      }
      pace(bytes.count)
      do throws(FileFault) {
        try open(path).write(bytes)
        return true
      } catch {
        failure = error
        return false
      }
    case .digest where isWanted(status):
      pace(bytes.count)
      hash.update(bufferPointer: bytes)
      return true
    case .file, .digest: break
    }
    answer.body.append(contentsOf: bytes.prefix(max(0, limit - answer.body.count)))
    answer.truncated = answer.received > UInt64(limit)
    return !answer.truncated
  }

  /// What comes is what was asked for.
  private func isWanted(_ status: Int) -> Bool {
    (200..<300).contains(status) && (!transfer.needsTag || answer.headers["etag"] != nil)
  }

  /// The answer, with its status. An empty object is a file too.
  func finished(status: Int, length: UInt64?) throws(FileFault) -> Answer {
    answer.status = status
    answer.length = length
    if case .digest = transfer.sink, isWanted(status) { answer.sha256 = Core.Digest(hash.finalize()) }
    if case .file(let path, _) = transfer.sink, isWanted(status) {
      if answer.truncated { discard() } else { _ = try open(path) }
    }
    return answer
  }

  /// After a failure: no part of an object stays behind.
  func discard() {
    guard target != nil, case .file(let path, _) = transfer.sink else { return }
    target = nil
    do { try files.remove(path) } catch { if failure == nil { failure = error } }
  }

  private func open(_ path: FilePath) throws(FileFault) -> any WritableFile {
    if let target { return target }
    let file = try files.create(path, mode: .stateFile)
    target = file
    return file
  }
}
