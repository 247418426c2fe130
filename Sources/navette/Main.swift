import Agent
import ArgumentParser
import CLinux
import Glibc
import Threads

/// The commands run on our own pool of threads; the first thread has nothing to do but to stay.
@main
enum Entry {
  static func main() {
    // Whoever starts us may ignore the ends of children; we must not: else nobody knows how a command of ours ended.
    signal(SIGCHLD, SIG_DFL)
    // What the service may do more than its user, no program that it starts may.
    cl_keep_capabilities_to_ourselves()
    Task.onPool {
      end(await carryOut(CommonOptions.behindCommand(Array(CommandLine.arguments.dropFirst()))))
    }
    while true { pause() }
  }

  private static func carryOut(_ words: [String]) async -> Int32 {
    do {
      var command = try Navette.parseAsRoot(words)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return ExitCode.done.rawValue
    } catch {
      let code = Navette.exitCode(for: error).rawValue
      let text = Navette.fullMessage(for: error)
      if !text.isEmpty { Terminal.answer(text, isGood: code == ExitCode.done.rawValue) }
      return code
    }
  }

  /// Not by `exit`: what libraries have registered with it takes libcrypto away while a transfer's thread still says goodbye to a
  /// server. Nothing of ours waits for it, since an end without warning has to be as good.
  private static func end(_ code: Int32) -> Never {
    _exit(code)
  }
}

struct Navette: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "navette",
    abstract:
      "The shuttle between a Campaign host and the storage through which it exchanges files with Experience Platform.",
    discussion: """
      Inbound, it watches landing folders, checks what arrives and hands it over whole. Outbound, it rotates logs, cuts them into \
      compressed batches and sends each of them exactly once in effect. See navette.yaml(5) for the configuration; `--config FILE`, before a command or behind it, names another one than \
      /etc/navette/navette.yaml.
      """,
    version: Version.text,
    subcommands: [
      Run.self, Check.self, Status.self, Drops.self, Batches.self, Show.self, Retry.self, Release.self, Flush.self,
      Pause.self, Resume.self, Verify.self, Purge.self, Rebuild.self, Columns.self,
      Demo.self, AfterStop.self,
    ])
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("The configuration; a conf.d beside it is merged.", valueName: "file"))
  var config = "/etc/navette/navette.yaml"

  /// What is said before the command is meant for it: `navette --config FILE status`.
  static func behindCommand(_ words: [String]) -> [String] {
    var end = 0
    while end < words.count {
      if words[end] == "--config", end + 1 < words.count {
        end += 2
      } else if words[end].hasPrefix("--config=") {
        end += 1
      } else {
        break
      }
    }
    guard end > 0, end < words.count, !words[end].hasPrefix("-") else { return words }
    return [words[end]] + words[..<end] + words[(end + 1)...]
  }
}
