import Agent
import ArgumentParser
import SystemPackage

struct Columns: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the columns of a file, to paste into the configuration.",
    discussion: """
      Of lines of JSON, every path at which a value lies, as a map for rewrite.columns; of a table, the names in its header, as a list \
      for require.columns. Packed files are unpacked. The file is only read.
      """)

  @Argument(help: "A file as it arrives.")
  var file: String

  @Option(help: ArgumentHelp("What joins the keys of a path in a name: . or _.", valueName: "sign"))
  var separator = "."

  func validate() throws {
    guard [".", "_"].contains(separator) else { throw ValidationError("--separator is . or _") }
  }

  func run() async throws {
    try await carryOut {
      for line in try FileColumns.lines(of: FilePath(file), separator: separator) { Terminal.line(line) }
      return .done
    }
  }
}
