import Core
import Glibc
public import SystemPackage

/// Reads a configuration: files to a checked `Settings`, or all that is wrong with them at once.
public enum ConfigReader {
  /// Which secrets a command can do without. Whoever reads the configuration outside of the service cannot see what systemd gives to
  /// it alone.
  public enum Secrets: Sendable {
    /// All are read.
    case needed
    /// Only credentials may be out of sight, and only where this is not the service.
    case ofTheService
    /// Any may: no store is used.
    case unneeded

    func mayLack(_ lack: Expansion.Lack?) -> Bool {
      switch (self, lack) {
      case (_, nil), (.needed, _), (.ofTheService, .other): false
      case (.ofTheService, .outsideOfTheService), (.unneeded, _): true
      }
    }
  }

  /// Looks at files only: folders, rights and logs are `EnvironmentCheck`'s.
  ///
  /// - Parameters:
  ///   - file: the configuration; every `*.yaml` of a folder `conf.d` beside it is merged, in the order of their names.
  ///   - environment: what `${NAME}` may stand for, and `CREDENTIALS_DIRECTORY`.
  ///   - secrets: those that cannot be had, and may, are listed in `Settings.unread`; their values mean nothing.
  ///   - machine: the name of this host, for `host: ""`; made safe here.
  /// - Throws: every problem, in the order of its place.
  public static func read(
    file: FilePath, environment: [String: String], secrets: Secrets = .needed, machine: String = machineName(),
    source: ConfigSource = .disk
  ) throws(ConfigProblems) -> Settings {
    let walk = Walk()
    let files = try self.files(of: file, source)
    var roots: [YamlNode] = []
    for path in files {
      let (root, problems) = YamlParser.parse(try content(path, source), file: path.string)
      walk.report(problems)
      if let root { roots.append(root) }
    }
    // Without one of its files the rest makes little sense: what it lacks would be reported, and be wrong.
    guard roots.count == files.count else { throw problems(walk, files) }

    let expansion = Expansion(environment: environment, source: source, secrets: secrets, walk: walk)
    let tree = expansion.expand(Merge.merge(roots, walk))
    let root = Section(tree, place: .start(of: file.string), spot: Spot(walk: walk, path: "", quiet: false))
    var settings = Settings(root, machine: Text.safeHost(machine))
    Consistency.check(settings, walk)
    guard walk.problems.isEmpty else { throw problems(walk, files) }
    settings.unread = walk.unread
    return settings
  }

  /// As the kernel tells it; empty where it tells nothing.
  public static func machineName() -> String {
    // HOST_NAME_MAX is 64 on Linux; one more for the NUL.
    var buffer = [CChar](repeating: 0, count: 65)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func problems(_ walk: Walk, _ files: [FilePath]) -> ConfigProblems {
    ConfigProblems(walk.sorted(files: files.map(\.string)))
  }

  private static func files(of file: FilePath, _ source: ConfigSource) throws(ConfigProblems) -> [FilePath] {
    let folder = file.removingLastComponent().appending("conf.d")
    do throws(FileFault) {
      let names = try source.list(folder).filter { $0.hasSuffix(".yaml") && !$0.hasPrefix(".") }
      return [file] + names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { folder.appending($0) }
    } catch {
      throw ConfigProblems([
        ConfigProblem(file: folder.string, key: "", message: "cannot be listed: \(error.why)", remedy: advice(error))
      ])
    }
  }

  private static func content(_ path: FilePath, _ source: ConfigSource) throws(ConfigProblems) -> [UInt8] {
    do throws(FileFault) {
      return try source.read(path, Limits.configBytes)
    } catch {
      throw ConfigProblems([
        ConfigProblem(file: path.string, key: "", message: "cannot be read: \(error.why)", remedy: advice(error))
      ])
    }
  }

  private static func advice(_ fault: FileFault) -> String? {
    switch fault.kind {
    case .missing: "Create it, or name another file with --config"
    case .denied: "Let the user that navette runs as read it"
    case .exists, .full, .crossDevice, .damaged, .io, .hung, .exhausted: nil
    }
  }
}
