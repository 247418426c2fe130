import Config
import Core
import Files
import FoundationEssentials
import Glibc
import Spool
import SystemPackage

/// What the state folder remembers of the machine that it belongs to.
struct MachineRecord: Codable, Hashable {
  var schema = 1
  let machine: String
}

/// Which file `machine.json` is. A copy, a restored one too, is a file of its own; a renamed one is not. (The device is left out: its
/// number may change with a restart of the machine.)
struct OriginalRecord: Codable, Hashable {
  var schema = 1
  let inode: UInt64
  let born: Int64
}

enum StateOwnership {
  /// systemd's machine id, or the host's name where there is none.
  static func machine(_ files: any Files) -> String {
    guard let bytes = try? files.contents(of: "/etc/machine-id", limit: Limits.identityBytes) else {
      return ConfigReader.machineName()
    }
    let text = String(decoding: bytes, as: UTF8.self).prefix { $0.isHexDigit }
    return text.isEmpty ? ConfigReader.machineName() : String(text)
  }

  /// Refuses a state folder that was made on another machine, or that is a copy, as one is that came back from a backup: it does not
  /// know what was sent since, and two agents with one memory would send the same records.
  static func checkMachine(_ state: StateFolder, _ files: any Files, adopt: Bool) throws {
    let here = machine(files)
    let known = try plan(MachineRecord.self, at: state.machine, files)
    if let known, known.machine != here, !adopt {
      throw Failure(
        .stateUnusable,
        "The state folder \(state.root) was made on another machine. If that machine's agent is stopped for good, start once with `navette run --adopt`"
      )
    }
    if known?.machine != here { try write(MachineRecord(machine: here), to: state.machine, files) }
    guard let info = try files.info(state.machine), let born = info.born else { return }
    let present = OriginalRecord(inode: info.inode, born: born)
    let original = try plan(OriginalRecord.self, at: state.original, files)
    if let original, original != present, known?.machine == here, !adopt {
      throw Failure(
        .stateUnusable,
        "The state folder \(state.root) is a copy, such as one that came back from a backup: it may not know of all that was sent. If no other agent uses the original and the logs hold nothing that was sent since the copy was made, start once with `navette run --adopt`, then see `navette verify`"
      )
    }
    if original != present { try write(present, to: state.original, files) }
  }

  private static func plan<Record: Decodable>(_: Record.Type, at path: FilePath, _ files: any Files) throws -> Record? {
    do throws(FileFault) {
      return try files.readPlan(Record.self, at: path)
    } catch {
      if error.kind == .missing { return nil }
      throw Failure(error)
    }
  }

  private static func write(_ record: some Encodable, to path: FilePath, _ files: any Files) throws {
    try files.writePlan(record, to: path)
    try files.sync([path.parent])
  }

  /// Run as root, go on as the owner of the state folder, for good: nothing is left behind that the agent cannot touch, and what is started
  /// from here cannot take root's rights back.
  static func becomeOwner(of state: StateFolder, _ files: any Files) throws {
    guard geteuid() == 0, let info = try files.info(state.root), info.owner != 0 else { return }
    do throws(FileFault) {
      try Ownership.become(user: info.owner, group: info.group)
    } catch {
      throw Failure(.stateUnusable, "Cannot act as the owner of \(state.root) (user \(info.owner)): \(error.why)")
    }
  }
}
