import Core
import Testing

@testable import Inbound

@Suite("What a PGP message's packets tell from outside")
struct MessageShapeTests {
  private static let chunks = [1, 2, 3, 7, 64, .max]

  private func shape(_ bytes: [UInt8]) -> (isAuthenticated: Bool, hasSecond: Bool) {
    let all = Self.chunks.map { chunk in
      var shape = MessageShape()
      var rest = bytes[...]
      while !rest.isEmpty {
        let part = Array(rest.prefix(chunk))
        part.withUnsafeBytes { shape.feed($0) }
        rest = rest.dropFirst(part.count)
      }
      return [shape.isAuthenticated, shape.hasSecond]
    }
    #expect(Set(all).count == 1)
    return (all[0][0], all[0][1])
  }

  private func body(_ count: Int, _ first: UInt8) -> [UInt8] { [first] + [UInt8](repeating: 0xc1, count: count - 1) }
  /// A session key, old form.
  private var key: [UInt8] { [0x84, 94] + body(94, 3) }
  private func new(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
    let count = body.count
    switch count {
    case ..<192: return [0xc0 | tag, UInt8(count)] + body
    case ..<8_384: return [0xc0 | tag, UInt8((count - 192) >> 8 + 192), UInt8((count - 192) & 255)] + body
    default: return [0xc0 | tag, 255] + (0..<4).map { UInt8(count >> (24 - 8 * $0) & 255) } + body
    }
  }
  /// In pieces of 512 bytes, and a last one.
  private func partial(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
    var (out, rest) = ([0xc0 | tag], body[...])
    while rest.count >= 512 {
      out += [224 + 9] + rest.prefix(512)
      rest = rest.dropFirst(512)
    }
    return out
      + (rest.count < 192
        ? [UInt8(rest.count)] : [UInt8((rest.count - 192) >> 8 + 192), UInt8((rest.count - 192) & 255)]) + rest
  }

  @Test("The mode is told by the packet of the encrypted data")
  func mode() {
    #expect(shape(key + new(20, body(300, 1))).isAuthenticated)
    #expect(shape(key + key + new(18, body(300, 2))).isAuthenticated)
    #expect(!shape(key + new(18, body(300, 1))).isAuthenticated)
    #expect(!shape(key + new(9, body(20_000, 2))).isAuthenticated)
    #expect(shape(key + partial(18, body(1_200, 2))).isAuthenticated)
    #expect(!shape(Array("id,email\n".utf8)).isAuthenticated && !shape([]).isAuthenticated)
  }

  @Test(
    "A second message is told behind the whole of the first, and nothing else for one",
    arguments: [100, 300, 9_000, 1_536])
  func second(count: Int) {
    for tag: UInt8 in [9, 18, 20] {
      let first = key + new(tag, body(count, 1))
      let pieces = key + partial(tag, body(count, 1))
      for one in [first, pieces] {
        #expect(!shape(one).hasSecond && shape(one + one).hasSecond && shape(one + new(3, body(13, 4))).hasSecond)
        #expect(
          !shape(one + Array("more of it\n".utf8)).hasSecond && !shape(Array((one + one).prefix(one.count))).hasSecond)
        #expect(!shape(Array(one.dropLast(5))).hasSecond)
      }
    }
    // An old form without a length goes to the end.
    #expect(!shape(key + [0xa7] + body(count, 1) + key + new(18, body(count, 1))).hasSecond)
  }

  /// As GnuPG 2.2 tells it: of what was altered it says that it is okay, and only its exit status differs.
  @Test("Authenticated data that was altered or cut is told as that, and not as unprotected")
  func verdict() {
    let begun = ["DECRYPTION_KEY A B u", "BEGIN_DECRYPTION", "DECRYPTION_INFO 0 9 0", "PLAINTEXT 62 0 "]
    let (okay, failed) = (["DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION"], ["DECRYPTION_FAILED", "END_DECRYPTION"])
    var shape = MessageShape()
    (key + new(20, body(300, 1))).withUnsafeBytes { shape.feed($0) }
    func verdict(_ lines: [String], _ exit: Int32, _ shape: MessageShape) -> Decryption {
      var status = GnuPGStatus()
      for line in lines { status.read("[GNUPG:] \(line)") }
      return status.verdict(exit: exit, keys: ["A"], shape)
    }
    #expect(verdict(begun + okay, 0, shape) == .whole)
    for lines in [begun + okay, begun + failed, begun.dropLast() + ["NODATA 3"] + failed] {
      guard case .refused(let reason) = verdict(lines, 2, shape) else {
        Issue.record("not refused")
        continue
      }
      #expect(reason.code == .pgpDamaged && reason.message.contains("altered"))
    }
    guard case .refused(let reason) = verdict(begun + failed, 2, MessageShape()) else { return }
    #expect(reason.code == .pgpUnprotected)
  }

  @Test("Of armored data the same")
  func armored() {
    func armor(_ bytes: [UInt8], _ end: String) -> [UInt8] {
      let lines = bytes.base64.split(every: 64).joined(separator: end)
      let text = ["-----BEGIN PGP MESSAGE-----", "Version: x", "", lines, "=abcd", "-----END PGP MESSAGE-----", ""]
      return Array(text.joined(separator: end).utf8)
    }
    for end in ["\n", "\r\n"] {
      for size in [200, 201, 202] {
        let one = armor(key + new(20, body(size, 1)), end)
        let other = armor(key + new(18, body(size, 1)), end)
        #expect(shape(one).isAuthenticated && !shape(one).hasSecond)
        #expect(!shape(other).isAuthenticated && !shape(other).hasSecond)
        #expect(shape(other + one).hasSecond && !shape(other + one).isAuthenticated)
      }
    }
  }
}

extension [UInt8] {
  fileprivate var base64: String {
    let letters = [Character]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var (text, start) = ("", 0)
    while start < count {
      let three = self[start..<Swift.min(start + 3, count)]
      let bits = three.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - three.count))
      for place in 0..<4 { text.append(place <= three.count ? letters[bits >> (18 - 6 * place) & 63] : "=") }
      start += 3
    }
    return text
  }
}

extension String {
  fileprivate func split(every count: Int) -> [String] {
    stride(from: 0, to: utf8.count, by: count).map { String(dropFirst($0).prefix(count)) }
  }
}
