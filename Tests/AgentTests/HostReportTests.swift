import Testing

@testable import Agent

@Suite("What a host has and lacks")
struct HostReportTests {
  @Test("systemd's version stands in the name of its library, on Debian and on RHEL")
  func systemd() {
    #expect(HostReport.version(inName: "libsystemd-shared-247.so") == 247)
    #expect(HostReport.version(inName: "libsystemd-shared-252-46.el9_5.2.so") == 252)
    #expect(HostReport.version(inName: "libsystemd-shared-.so") == nil)
    #expect(HostReport.version(inName: "libsystemd-core-252.so") == nil)
    #expect(HostReport.version(inName: "libsystemd-shared-252.so.1") == nil)
  }

  @Test("each line of the sandbox is missed by those that came before it, and by no other")
  func sandbox() {
    #expect(HostReport.lacks(ofSystemd: 252).isEmpty && HostReport.lacks(ofSystemd: 257).isEmpty)
    let bullseye = HostReport.lacks(ofSystemd: 247)
    #expect(bullseye.count == 1 && bullseye[0].contains("LoadCredential= alone"))
    let old = HostReport.lacks(ofSystemd: 239)
    #expect(old.count == 2 && old[0].contains("${file:/path}"))
    for line in ["ProtectHostname=", "ProtectKernelLogs=", "ProtectClock=", "ProtectProc=", "ProcSubset="] {
      #expect(old[1].contains(line))
    }
  }

  @Test("the line names each part")
  func line() {
    for part in ["Linux ", "systemd", "libcurl ", "SQLite 3."] { #expect(HostReport.line.contains(part)) }
  }
}
