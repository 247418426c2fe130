import CLinux
import Core
import Glibc
import SystemPackage

/// The configuration against the machine: folders, rights, logs. Rights are those of the effective user. Nothing is created or
/// changed.
public struct EnvironmentCheck {
  /// Every problem, each with the key and the folder or file that is to be changed; empty where the agent can start.
  public static func problems(of settings: Settings) -> [ConfigProblem] {
    var check = EnvironmentCheck(environment: Environment())
    check.run(settings)
    return check.problems
  }

  /// Stores that are folders, and cannot be used. What goes there or comes from there waits by itself, and the agent starts all the same.
  /// - Parameter absent: stores whose folders were used and are away: they come back by themselves, or by a person's hand.
  public static func storeProblems(of settings: Settings, absent: Set<StoreName> = []) -> [ConfigProblem] {
    var check = EnvironmentCheck(environment: Environment(), absent: absent)
    check.checkStoreFolders(settings)
    return check.problems
  }

  /// What keeps metrics from being told, and nothing else: the agent starts all the same and says so itself.
  public static func metricsProblems(of settings: Settings) -> [ConfigProblem] {
    var check = EnvironmentCheck(environment: Environment())
    check.checkMetrics(settings.metrics)
    return check.problems
  }

  /// What stands under the name of a log and cannot be read as one. It waits by itself, and the agent starts all the same.
  public static func logProblems(of settings: Settings) -> [ConfigProblem] {
    var check = EnvironmentCheck(environment: Environment())
    for stream in settings.streams { check.checkLogNames(stream) }
    return check.problems
  }

  let environment: Environment
  private let absent: Set<StoreName>
  private(set) var problems: [ConfigProblem] = []

  init(environment: Environment, absent: Set<StoreName> = []) {
    (self.environment, self.absent) = (environment, absent)
  }

  mutating func run(_ settings: Settings) {
    checkState(settings.state)
    for store in settings.stores { checkStore(store) }
    for feed in settings.feeds {
      checkFolder(feed.landing, "feeds.\(feed.name).landing", "list it and take files out of it", moves: true)
      checkFolder(feed.handover, "feeds.\(feed.name).handover", "list it and put files into it", moves: false)
      if feed.decrypt != nil { checkGnuPG(["gpg", "gpg-agent", "gpgconf"], "feeds.\(feed.name).decrypt") }
      if let sample = feed.require.sample { checkReadable(sample, "feeds.\(feed.name).require.sample") }
    }
    for stream in settings.streams {
      checkLogs(stream)
      checkProgram(stream)
      if stream.encrypt != nil { checkGnuPG(["gpg"], "streams.\(stream.name).encrypt") }
    }
    checkMeetings(settings)
  }

  private mutating func report(_ key: String, _ message: String, _ remedy: String) {
    problems.append(ConfigProblem(key: key, message: message, remedy: remedy))
  }

  private mutating func checkGnuPG(_ programs: [String], _ key: String) {
    let missing = programs.filter { !environment.hasProgram($0) }
    guard !missing.isEmpty else { return }
    report(
      key,
      "GnuPG does it, and of that \(KeyText.choice(missing, "and")) cannot be found in the PATH \(environment.path)",
      "Install it (Debian: apt-get install gnupg)")
  }

  private mutating func checkState(_ state: FilePath) {
    checkOwnFolder(state, "state")
    let type = environment.fileSystemType(of: environment.nearest(state))
    if let name = Environment.networkTypes[type] {
      report(
        "state", "\(state) lies on \(name), where the ledger's locks cannot be relied on",
        "Put the state folder on a local disk")
    }
  }

  mutating func checkStoreFolders(_ settings: Settings) {
    for store in settings.stores where !absent.contains(store.name) {
      if case .folder(let path) = store.target { checkOwnFolder(path, "stores.\(store.name).url") }
    }
  }

  private mutating func checkStore(_ store: StoreSettings) {
    switch store.target {
    case .folder: break
    case .s3(let s3):
      if let file = s3.caFile { checkReadable(file, "stores.\(store.name).ca_file") }
    case .azure(let azure):
      if let file = azure.caFile { checkReadable(file, "stores.\(store.name).ca_file") }
    case .sftp(let sftp):
      if case .knownHosts(let file) = sftp.hostKey { checkReadable(file, "stores.\(store.name).known_hosts") }
    }
  }

  /// `/run/navette` is there only while the service runs.
  mutating func checkMetrics(_ metrics: MetricsSettings) {
    if let textfile = metrics.textfile {
      checkFolder(textfile.removingLastComponent(), "metrics.textfile", "put a file into", moves: false)
    }
    if case .unix(let path)? = metrics.listen, !path.starts(with: "/run/navette") {
      checkFolder(path.removingLastComponent(), "metrics.listen", "make a socket in", moves: false)
    }
  }

  private mutating func checkReadable(_ file: FilePath, _ key: String) {
    guard let kind = environment.kind(of: file) else {
      return report(key, "there is no file \(file)", "Create it, or change \(key)")
    }
    if kind != .file {
      report(key, "\(file) is \(kind.words), not a file", "Name a file")
    } else if !environment.allows(file, R_OK) {
      report(key, "\(file) cannot be read by \(environment.user)", "Give \(environment.user) the right to read it")
    }
  }

  /// A folder that navette makes itself where it is missing.
  private mutating func checkOwnFolder(_ path: FilePath, _ key: String) {
    if let kind = environment.kind(of: path) {
      if kind != .folder {
        report(key, "\(path) is \(kind.words), not a folder", "Move it away, or change \(key)")
      } else if !environment.allows(path, R_OK | W_OK | X_OK) {
        report(
          key, "\(environment.user) may not read and write in \(path)", "Run: chown \(environment.user) \(path)")
      }
      return
    }
    let parent = environment.nearest(path)
    if environment.kind(of: parent) != .folder {
      report(key, "\(path) cannot be created: \(parent) is not a folder", "Change \(key)")
    } else if !environment.allows(parent, W_OK | X_OK) {
      report(
        key, "\(path) is missing and \(environment.user) may not create it in \(parent)",
        "Run: install -d -o \(environment.user) -m 0750 \(path)")
    }
  }

  /// A folder that somebody else fills or empties: it must be there. Reading is needed to list it and to sync its names.
  ///
  /// - Parameter moves: files that others own are renamed out of it.
  private mutating func checkFolder(_ path: FilePath, _ key: String, _ purpose: String, moves: Bool) {
    guard let kind = environment.kind(of: path) else {
      let why = environment.isDangling(path) ? "\(path) is a link to nothing" : "there is no folder \(path)"
      let hidden =
        environment.allows(environment.nearest(path), X_OK) ? "" : ", or \(environment.user) may not look for it"
      return report(key, why + hidden, "Create it, or change \(key)")
    }
    if kind != .folder { return report(key, "\(path) is \(kind.words), not a folder", "Change \(key)") }
    if !environment.allows(path, R_OK | W_OK | X_OK) {
      return report(
        key, "\(environment.user) may not \(purpose): \(path)",
        "Give \(environment.user) read, write and search rights there")
    }
    if moves, environment.isSticky(path) {
      report(
        key, "\(path) is sticky, so that \(environment.user) may not take out files of others",
        "Run: chmod -t \(path), or make \(environment.user) its owner")
    }
  }

  private mutating func checkLogs(_ stream: StreamSettings) {
    for (index, log) in stream.logs.enumerated() {
      let key = "streams.\(stream.name).logs[\(index)]"
      let path = FilePath(log)
      let folder = path.removingLastComponent()
      let renames = stream.rotation == .rename || stream.takesClosedAway
      guard let kind = environment.kind(of: folder) else {
        report(key, "there is no folder \(folder)", "Create it, or change \(key)")
        continue
      }
      if kind != .folder {
        report(key, "\(folder) is \(kind.words), not a folder", "Change \(key)")
      } else if !environment.allows(folder, R_OK | X_OK | (renames ? W_OK : 0)) {
        report(
          key, "\(environment.user) may not \(renames ? "rename logs" : "look for logs") in \(folder)",
          "Give \(environment.user) \(renames ? "read, write" : "read") and search rights there"
            + (stream.takesClosedAway ? ", or leave after out" : renames ? ", or choose rotation: follow" : ""))
      } else {
        if renames, environment.isSticky(folder) {
          report(
            key, "\(folder) is sticky, so that \(environment.user) may not rename logs of others",
            "Run: chmod -t \(folder), or make \(environment.user) its owner")
        }
        checkLogFiles(path, in: folder, key, empties: stream.rotation == .copytruncate)
      }
    }
  }

  private mutating func checkProgram(_ stream: StreamSettings) {
    guard let program = stream.reopen.first else { return }
    let path = FilePath(program)
    if environment.kind(of: path) != .file || !environment.allows(path, X_OK) {
      report(
        "streams.\(stream.name).reopen[0]",
        "\(environment.user) cannot run \(path): there is no such program, or no right to",
        "Name a program by its absolute path")
    }
  }

  /// A log that is not there yet is fine. What a pattern matches and is no file is left alone.
  ///
  /// - Parameter empties: logs are cut off in place, for which they must be writable.
  private mutating func checkLogFiles(_ path: FilePath, in folder: FilePath, _ key: String, empties: Bool) {
    guard let pattern = path.lastComponent?.string else { return }
    var barred: [String] = []
    for name in names(of: pattern, in: folder) where environment.kind(of: folder.appending(name)) == .file {
      if !environment.allows(folder.appending(name), R_OK | (empties ? W_OK : 0)) { barred.append(name) }
    }
    if let first = barred.min() {
      let more = barred.count > 1 ? " and \(barred.count - 1) more" : ""
      report(
        key, "\(environment.user) may not \(empties ? "read and empty" : "read") \(folder.appending(first))\(more)",
        empties
          ? "Give \(environment.user) the right to read and write logs there, or choose rotation: follow"
          : "Give \(environment.user) the right to read logs there")
    }
  }

  private func names(of pattern: String, in folder: FilePath) -> [String] {
    guard Glob.isPattern(pattern) else { return [pattern] }
    return environment.names(in: folder).filter { Glob(pattern).matches($0.utf8) }
  }

  mutating func checkLogNames(_ stream: StreamSettings) {
    for (index, log) in stream.logs.enumerated() {
      let path = FilePath(log)
      let folder = path.removingLastComponent()
      guard let pattern = path.lastComponent?.string else { continue }
      for name in names(of: pattern, in: folder) {
        checkLogName(folder.appending(name), pattern, stream.rotation, "streams.\(stream.name).logs[\(index)]")
      }
    }
  }

  private mutating func checkLogName(
    _ file: FilePath, _ pattern: String, _ rotation: StreamSettings.Rotation, _ key: String
  ) {
    if environment.isLink(file) {
      let target = environment.resolved(file)
      if rotation == .rename || rotation == .copytruncate {
        report(
          key,
          "\(file) is a symbolic link, and rotation: \(rotation.rawValue) \(rotation == .rename ? "renames" : "empties") files, not what links lead to",
          "Name the file that it leads to, or choose rotation: follow or closed")
      } else if !environment.isDangling(file),
        environment.kind(of: file) != .file
          || target.removingLastComponent() != environment.resolved(file.removingLastComponent())
      {
        report(
          key, "\(file) is a symbolic link to \(target), and links are followed only to a file beside them",
          "Name the folder and the file that it leads to")
      }
      return
    }
    guard let kind = environment.kind(of: file), kind != .file else { return }
    // A pattern for everything that begins so matches folders of old logs, too.
    if kind == .folder, Glob.isPattern(pattern), pattern.hasSuffix("*") { return }
    report(
      key, "\(file) is \(kind.words), not a file",
      kind == .folder ? "Name a file, or a pattern for files: \(file)/*.csv" : "Move it away, or name other files")
  }

  /// The rules for folders once more, on what the names really lead to: links resolved, and inodes compared, since one folder
  /// can be mounted at two places. What the names alone show was refused before.
  private mutating func checkMeetings(_ settings: Settings) {
    let named = Folder.all(of: settings)
    let real = named.map { folder in
      var folder = folder
      folder.path = environment.resolved(folder.path)
      return folder
    }
    for second in real.indices {
      for first in 0..<second where Folder.conflict(named[first], named[second]) == nil {
        var other = real[second]
        if let id = environment.identity(real[first].path), id == environment.identity(other.path) {
          other.path = real[first].path
        }
        guard let conflict = Folder.conflict(real[first], other) else { continue }
        report(
          named[second].key, "\(conflict), once links are followed (\(real[second].path))", "Choose another folder")
      }
    }
  }
}
