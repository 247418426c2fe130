public import Core
internal import Glibc
public import SystemPackage

// File names are bytes, so nothing here but `shown` goes through a string. Paths are taken apart by hand: swift-system needs several
// passes for it, and a debug build of it a thousand times as long.
extension FilePath {
  /// The path with one more component. A name that no directory can hold (empty, or with a slash or a zero byte) is refused by a
  /// `precondition`: names from outside are checked where they come in.
  public func appending(_ name: FileName) -> FilePath {
    let slash = UInt8(ascii: "/")
    guard !name.bytes.isEmpty, !name.bytes.contains(0), !name.bytes.contains(slash) else {
      preconditionFailure("not the name of a file: \(name.masked)")
    }
    let own = bytes
    let separator = own.isEmpty || own.last == slash ? [] : [slash]
    return FilePath(bytes: own + separator + name.bytes)
  }

  /// Once over the bytes: `FilePath`'s own way takes the path apart and puts it together again, several times.
  private init(bytes: [UInt8]) {
    self = (bytes + [0]).withUnsafeBufferPointer { text in
      // Never empty: it ends with a zero.
      text.withMemoryRebound(to: CChar.self) { FilePath(platformString: $0.baseAddress.unsafelyUnwrapped) }
    }
  }

  var bytes: [UInt8] {
    withPlatformString { text in
      UnsafeBufferPointer(start: text, count: strlen(text)).map { UInt8(bitPattern: $0) }
    }
  }

  /// The last component; nil for the root and for an empty path.
  public var name: FileName? {
    let last = bytes.split(separator: UInt8(ascii: "/")).last
    return last.map { FileName(bytes: $0) }
  }

  /// All components but the last; the root's is the root.
  public var parent: FilePath {
    let own = bytes
    guard let slash = own.lastIndex(of: UInt8(ascii: "/")) else { return FilePath() }
    return FilePath(bytes: Array(own[..<max(slash, 1)]))
  }

  /// From the first to the last, without the root.
  public var names: [FileName] { bytes.split(separator: UInt8(ascii: "/")).map { FileName(bytes: $0) } }

  /// The same path with more at the end of its last component. `suffix` holds no slash.
  public func appendingToName(_ suffix: String) -> FilePath {
    let own = bytes
    guard let last = own.last, last != UInt8(ascii: "/") else { return self }
    return FilePath(bytes: own + Array(suffix.utf8))
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
}

extension Fault<FileKind> {
  /// About a path: told as people read it, and kept as the kernel knows it.
  public init(_ kind: FileKind, _ what: String, at path: FilePath, why: String = "", remedy: String? = nil) {
    self.init(kind, what, at: path.shown, why: why, remedy: remedy, path: path.bytes)
  }

  public func isAbout(_ path: FilePath) -> Bool { self.path == path.bytes }

  /// About the folder, or something below it.
  public func isBelow(_ folder: FilePath) -> Bool {
    guard let path else { return false }
    let own = folder.bytes
    return path.starts(with: own) && (path.count == own.count || path[own.count] == UInt8(ascii: "/"))
  }
}
