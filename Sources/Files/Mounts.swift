import Core
internal import Glibc
public import SystemPackage

/// What is mounted where: the kernel's table, `/proc/self/mountinfo` of proc(5).
public struct Mounts: Sendable {
  struct Mount: Hashable, Sendable {
    let id: Substring
    let device: Substring
    /// Where it is seen, and what of its file system is seen there.
    let point, root: [Substring]
    /// It comes and goes with one of another namespace: a service's with the host's.
    let follows: Bool
  }

  private let mounts: [Mount]

  /// - Parameter text: one mount a line; lines of another form are left out.
  public init(_ text: String) {
    mounts = text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      guard words.count > 5 else { return nil }
      return Mount(
        id: words[0], device: words[2], point: Mounts.plain(words[4]).split(separator: "/"),
        root: Mounts.plain(words[3]).split(separator: "/"),
        follows: words[6...].prefix { $0 != "-" }.contains { $0.hasPrefix("master:") })
    }
  }

  /// Those at the path and above it, in the order in which they were mounted: of several at one point the last is seen.
  /// - Parameter path: absolute, its links resolved.
  func chain(of path: FilePath) -> [Mount] {
    let path = path.string.split(separator: "/")
    return mounts.filter { path.starts(with: $0.point) }
  }

  /// Where the file system is mounted that holds the path, as things are now; nil where the kernel does not tell, and for the root's own.
  public static func point(of path: FilePath) -> FilePath? {
    guard let real = real(path), let table = table() else { return nil }
    let point = Mounts(table).chain(of: real).max { $0.point.count < $1.point.count }?.point ?? []
    return point.isEmpty ? nil : FilePath("/" + point.joined(separator: "/"))
  }

  /// Whether something is mounted at this very folder; nil where there is no such folder, or the kernel does not tell.
  public static func isPoint(_ path: FilePath) -> Bool? {
    guard let real = real(path), let table = table() else { return nil }
    let components = real.string.split(separator: "/")
    return Mounts(table).mounts.contains { $0.point == components }
  }

  /// Where file systems belong, by the text of a table such as /etc/fstab (fstab(5)), whether they are mounted or not.
  public static func planned(_ text: String) -> [FilePath] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count > 2, !words[0].hasPrefix("#"), words[1].hasPrefix("/") else { return nil }
      return FilePath(plain(words[1]))
    }
  }

  /// Its links resolved; nil where there is no such path.
  static func real(_ path: FilePath) -> FilePath? {
    guard let real = path.withPlatformString({ realpath($0, nil) }) else { return nil }
    defer { free(real) }
    return FilePath(platformString: real)
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
    guard let real = real(path) else { return nil }
    return table().flatMap { Mounts($0).home(of: real) }
  }

  private static func table() -> String? {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return table(descriptor)
  }

  /// poll(2) tells by POLLPRI that it has changed; each open descriptor is told once.
  static let file = "/proc/self/mountinfo"

  /// The file tells no size beforehand.
  static func table(_ descriptor: Int32) -> String? {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { return nil }
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
