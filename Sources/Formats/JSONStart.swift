/// Whether a text begins as an object or an array of JSON does, as far as its first bytes tell.
enum JSONStart {
  private enum Place { case value, key, colon, behind }

  /// A table's header may begin with a brace or bracket, too (`[id],[name]`): all that is there must be JSON, up to the end of the first
  /// value, and behind that a line must end, or another value begin.
  static func matches(_ text: ArraySlice<UInt8>) -> Bool {
    guard let first = text.first, first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else { return false }
    var open: [UInt8] = []
    var place = Place.value
    var isFresh = false
    var rest = text
    while let byte = rest.first {
      if isBlank(byte) {
        rest.removeFirst()
        continue
      }
      switch (place, byte) {
      case (.value, UInt8(ascii: "{")), (.value, UInt8(ascii: "[")):
        open.append(byte)
        rest.removeFirst()
        (place, isFresh) = (byte == UInt8(ascii: "{") ? .key : .value, true)
        continue
      case (.key, UInt8(ascii: "}")) where isFresh, (.behind, UInt8(ascii: "}")):
        guard open.popLast() == UInt8(ascii: "{") else { return false }
        rest.removeFirst()
        place = .behind
      case (.value, UInt8(ascii: "]")) where isFresh, (.behind, UInt8(ascii: "]")):
        guard open.popLast() == UInt8(ascii: "[") else { return false }
        rest.removeFirst()
        place = .behind
      case (.behind, UInt8(ascii: ",")):
        rest.removeFirst()
        place = open.last == UInt8(ascii: "{") ? .key : .value
      case (.colon, UInt8(ascii: ":")):
        rest.removeFirst()
        place = .value
      case (.key, UInt8(ascii: "\"")), (.value, UInt8(ascii: "\"")):
        skipString(&rest)
        place = place == .key ? .colon : .behind
      case (.value, _):
        guard skipScalar(&rest) else { return false }
        place = .behind
      default: return false
      }
      isFresh = false
      if open.isEmpty { return rest.isEmpty || isBlank(rest[rest.startIndex]) || rest.first == first }
    }
    return true
  }

  private static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0a, 0x0d].contains(byte) }

  private static func skipString(_ rest: inout ArraySlice<UInt8>) {
    rest.removeFirst()
    while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
      if byte == UInt8(ascii: "\\") { _ = rest.popFirst() }
    }
  }

  /// A number, or a word that the first bytes may have cut off.
  private static func skipScalar(_ rest: inout ArraySlice<UInt8>) -> Bool {
    let scalar = rest.prefix { !isBlank($0) && ![0x2c, 0x5d, 0x7d].contains($0) }
    rest = rest.dropFirst(scalar.count)
    if ["true", "false", "null"].contains(where: {
      rest.isEmpty ? $0.utf8.starts(with: scalar) : $0.utf8.elementsEqual(scalar)
    }) {
      return true
    }
    return !scalar.isEmpty && scalar.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
  }
}
