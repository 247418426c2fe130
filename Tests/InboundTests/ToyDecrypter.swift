import Config
import Core
import Inbound
import Lanes

/// A cipher for the simulated disk, where no program runs: an armor line, then the text.
struct ToyDecrypter: Decrypter {
  private static let head = Array("-----BEGIN PGP MESSAGE-----\n".utf8)

  static func sealed(_ text: String) -> String { String(decoding: head, as: UTF8.self) + text }

  func sweep() {}
  func open(_ settings: FeedSettings.Decrypt, of feed: FeedName, _ turn: Turn) -> any KeyRing { Ring() }

  private final class Ring: KeyRing {
    func decrypt(from source: Source, stop: () -> Bool, to sink: Sink) throws(FileFault) -> Decryption {
      var bytes: [UInt8] = []
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
      defer { room.deallocate() }
      while true {
        let count = try source(room)
        if count == 0 { break }
        bytes += room[..<count]
      }
      let clear = Array(bytes.dropFirst(ToyDecrypter.head.count))
      let wantsMore = try clear.withUnsafeBufferPointer { (all) throws(FileFault) in
        try sink(UnsafeRawBufferPointer(all))
      }
      return wantsMore ? .whole : .enough
    }
    func close() {}
  }
}
