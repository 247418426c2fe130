import Core
import Files
import TestKit
import Testing

@testable import Spool

@Suite("The form of a state folder")
struct StateFormTests {
  private let files = SimFiles()
  private let state = StateFolder("/state")

  init() throws { try files.outside { try $0.makeFolder("/state") } }

  @Test("a folder without one has the first, and is raised once, durably")
  func raised() throws {
    #expect(try StateForm.read(state, files) == 1)
    try StateForm.raise(state, by: "0.2.0", files)
    #expect(try StateForm.read(state, files) == StateForm.current)
    let written = files.files(below: "/state")
    try StateForm.raise(state, by: "0.3.0", files)
    #expect(files.files(below: "/state") == written)
    for survival in files.snapshot.survivals(most: 64) {
      let disk = files.snapshot.after(survival)
      #expect(disk.files(below: "/state") == written)
    }
  }

  @Test("a later one is refused with its version, what cannot be read too")
  func later() throws {
    try files.put(state.form, "{\"form\":\(StateForm.current + 1),\"navette\":\"9.1.0\"}\n")
    let fault = #expect(throws: FileFault.self) { try StateForm.read(state, files) }
    #expect(fault?.why.contains("navette 9.1.0 has used it, in form \(StateForm.current + 1)") == true)
    #expect(throws: FileFault.self) { try StateForm.raise(state, by: "0.2.0", files) }
    for text in ["", "{", "{\"form\":0,\"navette\":\"1\"}", "{\"form\":1e400,\"navette\":\"1\"}"] {
      try files.put(state.form, text)
      let fault = #expect(throws: FileFault.self) { try StateForm.read(state, files) }
      #expect(fault?.kind == .damaged && fault?.remedy != nil, "says what to do: \(text)")
    }
  }
}
