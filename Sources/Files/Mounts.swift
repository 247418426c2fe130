import Core
internal import Glibc
public import SystemPackage

/// What is mounted where: the kernel's table, `/proc/self/mountinfo` of proc(5).
public struct Mounts: Sendable {
  private struct Mount: Sendable {
    /// Where it is seen, and what of its file system is seen there.
    let point, root: [Substring]
  }

  private let mounts: [Mount]

  /// - Parameter text: one mount a line; lines of another form are left out.
  public init(_ text: String) {
    mounts = text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count > 5 else { return nil }
      return Mount(
        point: Mounts.plain(words[4]).split(separator: "/"), root: Mounts.plain(words[3]).split(separator: "/"))
    }
  }

  /// The same path, counted from the root of the file system that it lies on. It stays what it is when disks get other numbers at a
  /// restart or a sandbox mounts the folder over itself, and becomes another where the disk is not mounted. Nil where no mount holds it.
  /// - Parameter path: absolute, its links resolved.
  public func home(of path: FilePath) -> String? {
    let path = path.string.split(separator: "/")
    // Of two at one point the later one hides the earlier.
    let mount = mounts.enumerated().filter { path.starts(with: $0.element.point) }
      .max { ($0.element.point.count, $0.offset) < ($1.element.point.count, $1.offset) }?.element
    return mount.map { "/" + ($0.root + path.dropFirst($0.point.count)).joined(separator: "/") }
  }

  /// As things are now; nil where there is no such path, or the kernel does not tell.
  public static func home(of path: FilePath) -> String? {
    guard let real = path.withPlatformString({ realpath($0, nil) }) else { return nil }
    defer { free(real) }
    return table().flatMap { Mounts($0).home(of: FilePath(platformString: real)) }
  }

  /// The file tells no size beforehand.
  private static func table() -> String? {
    let descriptor = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: Limits.mountBytes)
    while true {
      let (count, failure) = attempt { read(descriptor, &chunk, chunk.count) }
      guard failure == nil else { return nil }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }

  /// Blanks and backslashes are written as `\040`.
  private static func plain(_ word: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(word.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      let code = digits.reduce(0) { $0 * 8 + Int($1) - 48 }
      if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (48...55).contains($0) }), code < 256 {
        bytes.append(UInt8(code))
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
