import FoundationEssentials

/// The public half of an RSA key, which stands in the private one unencrypted: for libraries that must be given both.
enum RSAPublicKey {
  /// `ssh-rsa AAAA…`, the form of authorized_keys (RFC 4253, 6.6); nil: the bytes are no such key.
  /// - Parameter key: an RSAPrivateKey in DER (RFC 8017, A.1.2): a sequence of whole numbers, of which the second and the third are
  ///   modulus and public exponent. DER writes numbers as SSH does.
  static func line(of key: [UInt8]) -> String? {
    guard var numbers = DER.take(0x30, from: key[...])?.content, let version = DER.take(0x02, from: numbers),
      version.content.elementsEqual([0])
    else { return nil }
    numbers = version.rest
    guard let modulus = DER.take(0x02, from: numbers), let exponent = DER.take(0x02, from: modulus.rest) else {
      return nil
    }
    let blob = [Array("ssh-rsa".utf8), Array(exponent.content), Array(modulus.content)].flatMap { part in
      withUnsafeBytes(of: UInt32(truncatingIfNeeded: part.count).bigEndian) { Array($0) } + part
    }
    return "ssh-rsa \(Data(blob).base64EncodedString())"
  }
}

/// As much of DER as that takes: one value with its kind and its length in front (X.690, 8.1.3).
private enum DER {
  static func take(_ kind: UInt8, from bytes: ArraySlice<UInt8>) -> (
    content: ArraySlice<UInt8>, rest: ArraySlice<UInt8>
  )? {
    guard bytes.first == kind else { return nil }
    var rest = bytes.dropFirst()
    guard let first = rest.popFirst() else { return nil }
    var length = Int(first)
    if first & 0x80 != 0 {
      let count = Int(first & 0x7f)
      // Four bytes of length are more than any key has.
      guard (1...4).contains(count), rest.count >= count else { return nil }
      length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(count)
    }
    guard rest.count >= length else { return nil }
    return (rest.prefix(length), rest.dropFirst(length))
  }
}
