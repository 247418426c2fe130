/// A session as `Transcripts/README.md` describes it.
struct Transcript {
  struct Step {
    var line: Int
    var command: String
    var stdout: [String] = []
    var stderr: [String] = []
    var exitCode: Int32 = 0
  }

  struct Malformed: Error, CustomStringConvertible {
    let description: String
  }

  let name: String
  private(set) var steps: [Step] = []

  init(name: String, text: String) throws {
    self.name = name
    var exitSeen = false
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let place = "\(name):\(index + 1)"
      if line.hasPrefix("#") { continue }
      if line.hasPrefix("$ ") {
        steps.append(Step(line: index + 1, command: String(line.dropFirst(2))))
        exitSeen = false
        continue
      }
      guard !steps.isEmpty else {
        if line.isEmpty { continue }
        throw Malformed(description: "\(place): output before the first command")
      }
      let last = steps.count - 1
      if exitSeen, !line.isEmpty { throw Malformed(description: "\(place): a line after [exit N]") }
      if line == ">" || line.hasPrefix("> ") {
        guard steps[last].stdout.isEmpty, steps[last].stderr.isEmpty else {
          throw Malformed(description: "\(place): the command goes on after its output")
        }
        steps[last].command += "\n" + line.dropFirst(2)
      } else if line == "!" || line.hasPrefix("! ") {
        steps[last].stderr.append(String(line.dropFirst(2)))
      } else if line.hasPrefix("[") {
        guard let code = Self.exitCode(line) else {
          throw Malformed(description: "\(place): expected [exit N]")
        }
        steps[last].exitCode = code
        exitSeen = true
      } else {
        steps[last].stdout.append(String(line.hasPrefix("\\") ? line.dropFirst() : line))
      }
    }
    for index in steps.indices {
      steps[index].stdout = Self.trimmed(steps[index].stdout)
      steps[index].stderr = Self.trimmed(steps[index].stderr)
    }
    guard !steps.isEmpty else { throw Malformed(description: "\(name): no command") }
  }

  /// Without the blank lines at the end.
  static func trimmed(_ lines: [String]) -> [String] {
    Array(lines[..<(lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0)])
  }

  private static func exitCode(_ line: Substring) -> Int32? {
    guard line.hasPrefix("[exit "), line.hasSuffix("]") else { return nil }
    return Int32(line.dropFirst(6).dropLast())
  }
}
