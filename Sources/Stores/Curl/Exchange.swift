import CCurl
import Core
import Files
import SystemPackage

/// One transfer under way: what curl's callbacks read from and write to. It lives on one thread, for one transfer.
final class Exchange {
  let transfer: Transfer
  private let files: any Files
  private(set) var answer = Answer()
  /// Ours, not curl's: it explains curl's "aborted by callback".
  private(set) var failure: FileFault?
  private var source: (any ReadableFile)?
  private var target: (any WritableFile)?
  private var sent: UInt64 = 0

  init(_ transfer: Transfer, files: any Files) throws(FileFault) {
    self.transfer = transfer
    self.files = files
    if case .file(let path, let size) = transfer.body {
      let file = try files.open(path)
      let found = try file.info().size
      guard found == size else {
        throw FileFault(.missing, "Cannot send", at: path.string, why: "it has \(found) bytes instead of \(size)")
      }
      source = file
    }
  }

  /// Bytes put into the buffer, 0 at the end; nil to abort.
  func send(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    let rest = transfer.body.size - sent
    guard rest > 0 else { return 0 }
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(min(rest, UInt64(buffer.count)))))
    let count: Int
    switch transfer.body {
    case .none: return 0
    case .bytes(let bytes):
      room.copyBytes(from: bytes[Int(sent)..<(Int(sent) + room.count)])
      count = room.count
    case .file(let path, let size):
      do throws(FileFault) {
        count = try source?.read(into: room, at: sent) ?? 0
        if count == 0 {
          throw FileFault(.missing, "Cannot send", at: path.string, why: "it ends after \(sent) of \(size) bytes")
        }
      } catch {
        failure = error
        return nil
      }
    }
    sent += UInt64(count)
    return count
  }

  /// Back to an earlier byte: where a kept connection turns out to be dead, curl sends the request again on a new one.
  func seek(to offset: UInt64) { sent = offset }

  func header(_ line: UnsafeRawBufferPointer) { answer.headers.take(line: line) }

  /// False to abort.
  func receive(_ bytes: UnsafeRawBufferPointer, status: Int) -> Bool {
    answer.received += UInt64(bytes.count)
    var limit = Transfer.errorBodyBytes
    switch transfer.sink {
    case .bytes(let most): limit = most
    case .file(let path) where (200..<300).contains(status):
      do throws(FileFault) {
        try open(path).write(bytes)
        return true
      } catch {
        failure = error
        return false
      }
    case .file: break
    }
    answer.body.append(contentsOf: bytes.prefix(limit - answer.body.count))
    answer.truncated = answer.received > UInt64(limit)
    return !answer.truncated
  }

  /// The answer, with its status. An empty object is a file too.
  func finished(status: Int) throws(FileFault) -> Answer {
    answer.status = status
    if case .file(let path) = transfer.sink, answer.isSuccess { _ = try open(path) }
    return answer
  }

  /// After a failure: no part of an object stays behind.
  func discard() {
    guard target != nil, case .file(let path) = transfer.sink else { return }
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
