import Foundation
import TestKit
import Testing

/// `scripts/check-hosts`, which each build must pass, on small programs that are wrong in one way each.
@Suite("The gate for older hosts")
struct HostGateTests {
  private let folder: TemporaryFolder
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  init() throws { folder = try TemporaryFolder() }

  private func gate(_ program: String) async throws -> Spawn.Outcome {
    try await Spawn.run([HostGateTests.root + "/scripts/check-hosts", program], environment: Site.environment)
  }

  /// Compiles a program of C by the words of a shell, in which `$D` is the folder.
  private func judge(_ source: String, _ flags: String = "", before: String = "true") async throws -> String {
    let text = "cd \(folder.path.string) && D=. && \(before) && cc -o p -x c - -x none \(flags)"
    let made = try await Spawn.run(
      ["/bin/sh", "-c", "printf '%s' \"$SOURCE\" | (\(text))"],
      environment: Site.environment.merging(["SOURCE": source]) { $1 })
    try #require(made.exitCode == 0, "\(made.stderr)")
    let outcome = try await gate(folder.path.string + "/p")
    #expect(outcome.exitCode == 1 && outcome.stdout.isEmpty)
    return outcome.stderr
  }

  @Test("what ships passes it")
  func ships() async throws {
    let outcome = try await gate(Program.path)
    #expect(outcome.exitCode == 0 && outcome.stderr.isEmpty, "\(outcome.stderr)")
  }

  @Test("a newer version of a name of the C library is refused, by name")
  func newer() async throws {
    // Of 2.33, and what calls main of 2.34.
    let said = try await judge("#include <sys/stat.h>\nint main(void) { struct stat s; return stat(\"/\", &s); }")
    #expect(said.contains("GLIBC_2.33 is newer than 2.28: stat"), "\(said)")
  }

  @Test("a library that some host lacks, or has under another name, is refused")
  func libraries() async throws {
    let said = try await judge(
      "int f(void); int main(void) { return f(); }", "-L. -lfancy -Wl,-rpath,$D",
      before: "echo 'int f(void) { return 0; }' | cc -shared -fPIC -Wl,-soname,libfancy.so.7 -o libfancy.so -x c -")
    #expect(said.contains("libfancy.so.7 is not on every host"), "\(said)")
  }

  @Test("a function of libcurl's that came later is refused, and its versions, which are Debian's alone")
  func functions() async throws {
    let said = try await judge(
      "int curl_multi_poll(void *, void *, unsigned, int, int *);"
        + "int main(void) { return curl_multi_poll(0, 0, 0, 0, 0); }", "-lcurl")
    #expect(said.contains("curl_multi_poll is not in scripts/hosts/functions"), "\(said)")
    #expect(said.contains("CURL_OPENSSL_4"), "\(said)")
  }

  @Test("a mathematics function of ours that others see is refused, and one that is hidden is not")
  func mathematics() async throws {
    let body = "double exp(double x) { return x; } int main(int c, char **v) { return (int)exp(c); }"
    let said = try await judge(
      "__attribute__((visibility(\"default\"))) " + body, "-fno-builtin -rdynamic -Wl,--no-as-needed -lm")
    #expect(said.contains("exp of libm.so.6 is also a name of ours"), "\(said)")
    let hidden = try await judge(
      "__attribute__((visibility(\"hidden\"))) " + body, "-fno-builtin -rdynamic -Wl,--no-as-needed -lm")
    #expect(!hidden.contains("exp of"), "\(hidden)")
  }
}
