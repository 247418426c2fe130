import Core

/// What the packets of a PGP message tell from outside (RFC 9580, section 4.2), as its bytes go by. Of armored data the lines tell whether
/// there is a second message, and the packets before the encrypted data whether it is authenticated.
struct MessageShape {
  private enum Place { case tag, length, body, nothing }

  /// Its encrypted data is in an authenticated mode: what was altered is found by that, and not by a modification code.
  private(set) var isAuthenticated = false
  /// What follows the message is one, too.
  private(set) var hasSecond = false

  private var armor: ArmorReader?
  private var hasBegun = false
  private var place = Place.tag
  private var head: [UInt8] = []
  private var tag: UInt8 = 0
  private var left: UInt64 = 0
  private var isPartial = false
  /// The encrypted data was met; what comes behind it belongs to no message, or to the next.
  private var hasData = false
  private var wantsVersion = false

  /// - Parameter bytes: of the message, from where it begins.
  mutating func feed(_ bytes: UnsafeRawBufferPointer) {
    if !hasBegun, let first = bytes.first {
      hasBegun = true
      if first == UInt8(ascii: "-") { armor = ArmorReader() }
    }
    guard armor != nil else { return read(bytes) }
    // The rest of it tells nothing.
    if hasData, !wantsVersion { armor?.isRead = true }
    for byte in bytes {
      if let clear = armor?.take(byte) { clear.withUnsafeBytes { read($0) } }
    }
    if armor?.messages ?? 0 > 1 { hasSecond = true }
  }

  private mutating func read(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty, place != .nothing {
      if place == .body {
        let count = Int(min(UInt64(rest.count), left))
        if wantsVersion, let version = rest.first, count > 0 {
          wantsVersion = false
          isAuthenticated = version == 2
        }
        rest = rest.dropFirst(count)
        left -= UInt64(count)
        if left == 0 { place = isPartial ? .length : .tag }
      } else {
        take(rest.removeFirst())
      }
    }
  }

  private mutating func take(_ byte: UInt8) {
    if place == .tag {
      guard byte & 0x80 != 0 else { return place = .nothing }
      tag = byte & 0x40 != 0 ? byte & 0x3f : byte >> 2 & 0x0f
      if hasData { return end() }
      head = [byte]
      if tag == 9 || tag == 18 || tag == 20 { hasData = true }
      if tag == 20 { isAuthenticated = true }
      wantsVersion = tag == 18
      place = .length
      // Without a length: to the end.
      if byte & 0x40 == 0, byte & 3 == 3 { (place, left, isPartial) = (.body, .max, false) }
      return
    }
    head.append(byte)
    guard let length = length() else { return }
    (left, isPartial) = length
    // What is left of it begins with a length again.
    head = [0xc0]
    place = left > 0 ? .body : isPartial ? .length : .tag
  }

  /// Session keys and encrypted data begin a message.
  private mutating func end() {
    hasSecond = [1, 3, 9, 18, 20].contains(tag)
    place = .nothing
  }

  /// Nil: more is needed.
  private func length() -> (UInt64, Bool)? {
    let bytes = head.dropFirst()
    guard let first = bytes.first else { return nil }
    func number(_ bytes: ArraySlice<UInt8>, _ count: Int) -> (UInt64, Bool)? {
      bytes.count < count ? nil : (bytes.reduce(0) { $0 << 8 | UInt64($1) }, false)
    }
    if head[0] & 0x40 == 0 { return number(bytes, 1 << Int(head[0] & 3)) }
    switch first {
    case 0..<192: return (UInt64(first), false)
    case 192..<224: return number(bytes, 2).map { ($0.0 - (192 << 8) + 192, false) }
    case 255: return number(bytes.dropFirst(), 4)
    default: return (1 << UInt64(first & 0x1f), true)
    }
  }
}

/// The bytes of armored data, and how many messages begin in it.
private struct ArmorReader {
  private(set) var messages = 0
  /// Only its lines count any more.
  var isRead = false
  private var line: [UInt8] = []
  private var isInside = false
  private var bits: UInt32 = 0
  private var count = 0

  private static let begin = Array("-----BEGIN PGP MESSAGE".utf8)

  /// Nil: nothing yet.
  mutating func take(_ byte: UInt8) -> [UInt8]? {
    guard byte == 0x0a else {
      if line.count < Limits.gpgLineBytes, byte != 0x0d { line.append(byte) }
      return nil
    }
    defer { line.removeAll(keepingCapacity: true) }
    if line.starts(with: Self.begin) {
      messages += 1
      (isInside, count) = (false, 0)
      return nil
    }
    if line.isEmpty || line.first == UInt8(ascii: "-") || line.first == UInt8(ascii: "=") {
      // Behind its own headers it begins, at its checksum or last line it ends.
      isInside = line.isEmpty && messages == 1
      return nil
    }
    guard isInside, !isRead else { return nil }
    return line.reduce(into: []) { out, byte in
      guard let value = Self.value(byte) else { return }
      bits = bits << 6 | value
      count += 1
      if count % 4 != 1 { out.append(UInt8(truncatingIfNeeded: bits >> UInt32(6 - 2 * ((count + 3) % 4)))) }
    }
  }

  private static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 65...90: UInt32(byte) - 65
    case 97...122: UInt32(byte) - 71
    case 48...57: UInt32(byte) + 4
    case 43: 62
    case 47: 63
    default: nil
    }
  }
}
