import Core
import Glibc
import SystemPackage

@testable import Config

/// A configuration as texts in memory, read the way files are.
struct Bench {
  static let file = "/etc/navette/navette.yaml"
  var files: [String: String]
  var environment: [String: String] = [:]

  init(_ text: String, _ more: [String: String] = [:], environment: [String: String] = [:]) {
    files = more
    files[Self.file] = text
    self.environment = environment
  }

  func read(secrets: ConfigReader.Secrets = .needed) throws(ConfigProblems) -> Settings {
    let files = self.files
    let source = ConfigSource(
      read: { (path, limit) throws(FileFault) in
        guard let text = files[path.string] else {
          throw FileFault(.missing, "Cannot read", at: path.string, why: "No such file or directory")
        }
        guard text.utf8.count <= limit else { throw FileFault(.io, "Cannot read", at: path.string, why: "too large") }
        return Array(text.utf8)
      },
      list: { (path) throws(FileFault) in
        files.keys.filter { FilePath($0).removingLastComponent() == path }.compactMap {
          FilePath($0).lastComponent?.string
        }
      })
    return try ConfigReader.read(
      file: FilePath(Self.file), environment: environment, secrets: secrets, machine: "acc-prod", source: source)
  }

  /// Every problem as it is printed; the name of the main file left out.
  func problems(secrets: ConfigReader.Secrets = .needed) -> [String] {
    do throws(ConfigProblems) {
      _ = try read(secrets: secrets)
      return []
    } catch {
      return error.all.map { problem in
        let text = problem.description
        return text.hasPrefix(Self.file + ":") ? String(text.dropFirst(Self.file.count + 1)) : text
      }
    }
  }
}

/// A configuration with one feed, one stream and one store, and lines put into one of them.
enum Lane {
  static let shelf = "stores:\n  shelf:\n    url: file:///srv/shelf\n"
  static let feedHead = "feeds:\n  in:\n    landing: /srv/landing\n    handover: /srv/import\n"
  static let streamHead = shelf + "streams:\n  out:\n    logs: [/var/log/app/out.csv]\n    store: shelf\n"
  static let s3Head = """
    stores:
      aep:
        url: s3://bucket-one/prefix
        region: eu-west-1
        access_key_id: ${KEY_ID}
        secret_access_key: ${KEY}

    """
  static let keys = ["KEY_ID": "AKIDINVENTED", "KEY": "invented-secret-value"]

  static func indented(_ lines: String) -> String {
    lines.split(separator: "\n").map { "    \($0)\n" }.joined()
  }
  static func feed(_ lines: String) -> Bench { Bench(feedHead + indented(lines)) }
  static func stream(_ lines: String) -> Bench { Bench(streamHead + indented(lines)) }
  static func s3(_ lines: String) -> Bench { Bench(s3Head + indented(lines), environment: keys) }
}

/// Below /tmp, with a name of its own, gone with the last reference.
final class Workshop {
  let root: FilePath

  init() {
    var template = Array("/tmp/navette-config-XXXXXX\0".utf8CString)
    root = FilePath(String(cString: mkdtemp(&template)))
    chmod(root.string, 0o755)
  }

  deinit { Self.erase(root) }

  private static func erase(_ path: FilePath) {
    if remove(path.string) == 0 { return }
    chmod(path.string, 0o700)
    for name in (try? ConfigSource.disk.list(path)) ?? [] where name != "." && name != ".." {
      erase(path.appending(name))
    }
    rmdir(path.string)
  }

  func path(_ name: String) -> FilePath { root.appending(name) }

  @discardableResult func folder(_ name: String, mode: UInt32 = 0o755) -> FilePath {
    let path = self.path(name)
    mkdir(path.string, 0o755)
    chmod(path.string, mode)
    return path
  }

  @discardableResult func file(_ name: String, _ text: String = "", mode: UInt32 = 0o644) -> FilePath {
    let path = self.path(name)
    let descriptor = creat(path.string, 0o644)
    _ = text.withCString { write(descriptor, $0, strlen($0)) }
    close(descriptor)
    chmod(path.string, mode)
    return path
  }

  @discardableResult func link(_ name: String, to target: FilePath) -> FilePath {
    symlink(target.string, path(name).string)
    return path(name)
  }
}
