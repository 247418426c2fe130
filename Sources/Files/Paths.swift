public import Core
internal import Glibc
public import SystemPackage

// File names are bytes, so nothing here but `shown` goes through a string.
extension FilePath {
  /// The path with one more component. A name that no directory can hold (empty, or with a slash or a zero byte) is refused by a
  /// `precondition`: names from outside are checked where they come in.
  public func appending(_ name: FileName) -> FilePath {
    guard !name.bytes.contains(0), let component = name.withTerminated({ Component(platformString: $0) }) else {
      preconditionFailure("not the name of a file: \(name.masked)")
    }
    return appending(component)
  }

  /// The last component; nil for the root and for an empty path.
  public var name: FileName? { lastComponent.map { FileName($0) } }

  /// The same path with more at the end of its last component. `suffix` holds no slash.
  public func appendingToName(_ suffix: String) -> FilePath {
    guard let name else { return self }
    return removingLastComponent().appending(FileName(bytes: name.bytes + Array(suffix.utf8)))
  }

  /// For messages: one line, and bytes that are not text as `%XX`.
  public var shown: String {
    if let text = String(validating: self), FileName(text).plain != nil { return text }
    let parts = components.map { FileName($0).description }.joined(separator: "/")
    return root == nil ? parts : "/" + parts
  }
}

extension FileName {
  public init(_ component: FilePath.Component) {
    self = component.withPlatformString { text in
      FileName(bytes: UnsafeBufferPointer(start: text, count: strlen(text)).lazy.map { UInt8(bitPattern: $0) })
    }
  }

  func withTerminated<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { buffer in
      for (index, byte) in bytes.enumerated() { buffer[index] = CChar(bitPattern: byte) }
      buffer[bytes.count] = 0
      return body(UnsafePointer(buffer.baseAddress.unsafelyUnwrapped))
    }
  }
}
