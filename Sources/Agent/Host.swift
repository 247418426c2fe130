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

enum Host {
  /// systemd's machine id, or the host's name where there is none.
  static func machine(_ files: any Files) -> String {
    guard let bytes = try? files.contents(of: "/etc/machine-id", limit: 256) else { return ConfigReader.machineName() }
    let text = String(decoding: bytes, as: UTF8.self).prefix { $0.isHexDigit }
    return text.isEmpty ? ConfigReader.machineName() : String(text)
  }

  /// Refuses a state folder that was made on another machine: two agents with one memory would send the same records.
  static func checkMachine(_ state: StateFolder, _ files: any Files, adopt: Bool) throws {
    let here = machine(files)
    do throws(FileFault) {
      let known = try files.readPlan(MachineRecord.self, at: state.machine)
      if known.machine == here { return }
    } catch {
      guard error.kind == .missing else { throw Failure(error) }
      try write(here, state, files)
      return
    }
    guard adopt else {
      throw Failure(
        .stateUnusable,
        "The state folder \(state.root) was made on another machine. If that machine's agent is stopped for good, start once with `navette run --adopt`")
    }
    try write(here, state, files)
  }

  private static func write(_ machine: String, _ state: StateFolder, _ files: any Files) throws {
    try files.writePlan(MachineRecord(machine: machine), to: state.machine)
    try files.sync([state.root])
  }

  /// Run as root, go on as the owner of the state folder, so that nothing is left behind that the agent cannot touch.
  static func becomeOwner(of state: StateFolder, _ files: any Files) throws {
    guard geteuid() == 0, let info = try files.info(state.root), info.owner != 0 else { return }
    // The group first: without root's rights it could not be changed any more.
    guard initgroups(name(of: info.owner), info.group) == 0, setegid(info.group) == 0, seteuid(info.owner) == 0 else {
      throw Failure(.stateUnusable, "Cannot act as the owner of \(state.root) (user \(info.owner)): \(String(cString: strerror(errno)))")
    }
  }

  private static func name(of user: uid_t) -> String {
    guard let entry = getpwuid(user), let name = entry.pointee.pw_name else { return "" }
    return String(cString: name)
  }
}
