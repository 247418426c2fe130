import Core
import Crypto
import Files
import Store
import SystemPackage
import Threads

/// Runs work that blocks on a thread of its own, one piece after the other.
struct BlockingQueue: Sendable {
  private let thread: SerialThread
  private let queue = TransferWatch()

  /// - Parameter name: at most 15 bytes.
  init(_ name: String) { thread = SerialThread(name) }

  func run<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let seat = Seat.current
    let watch = TransferWatch.current
    watch?.waits(in: queue)
    let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
      thread.run { [queue] in
        watch?.begins()
        let result: Result<Value, Failure> = TransferWatch.$current.withValue(watch) {
          do throws(Failure) { return .success(try seat.taken(body)) } catch { return .failure(error) }
        }
        queue.moved()
        continuation.resume(returning: result)
      }
    }
    return try result.get()
  }
}

/// Several queues for work that need not be in order: each piece goes to one with the least before it.
final class BlockingPool: Sendable {
  private let queues: [BlockingQueue]
  private let loads: Locked<[Int]>

  /// - Parameter name: at most 15 bytes.
  init(_ name: String, _ count: Int) {
    queues = (0..<max(1, count)).map { _ in BlockingQueue(name) }
    loads = Locked(queues.map { _ in 0 })
  }

  func lend<Value: Sendable>(
    _ body: (BlockingQueue) async throws(StoreFault) -> Value
  ) async throws(StoreFault) -> Value {
    let number = loads.withLock { loads in
      let number = loads.indices.min { loads[$0] < loads[$1] } ?? 0
      loads[number] += 1
      return number
    }
    defer { loads.withLock { $0[number] -= 1 } }
    return try await body(queues[number])
  }
}

extension Files {
  /// Blocks. Reads the whole file; `each` gets every chunk.
  func digest(
    of path: FilePath, _ each: (UnsafeRawBufferPointer) throws(FileFault) -> Void = { _ throws(FileFault) in }
  ) throws(FileFault) -> (size: UInt64, sha256: Core.Digest) {
    let file = try open(path)
    var hash = SHA256()
    var size: UInt64 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = try file.read(into: buffer, at: size)
      if count == 0 { break }
      let chunk = UnsafeRawBufferPointer(rebasing: buffer.prefix(count))
      hash.update(bufferPointer: chunk)
      try each(chunk)
      size += UInt64(count)
      TransferWatch.current?.moved()
    }
    return (size, Core.Digest(hash.finalize()))
  }
}
