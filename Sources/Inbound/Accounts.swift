import Core
import Glibc

/// Names of users and groups to numbers, by the host's own databases.
enum Accounts {
  /// - Parameter name: a user's name or number.
  static func user(_ name: String) throws(FileFault) -> UInt32 {
    if let number = UInt32(name) { return number }
    return try found("user", name) { buffer, room in
      var record = passwd()
      var result: UnsafeMutablePointer<passwd>?
      let code = getpwnam_r(name, &record, buffer, room, &result)
      return (code, result.map { $0.pointee.pw_uid })
    }
  }

  /// - Parameter name: a group's name or number.
  static func group(_ name: String) throws(FileFault) -> UInt32 {
    if let number = UInt32(name) { return number }
    return try found("group", name) { buffer, room in
      var record = Glibc.group()
      var result: UnsafeMutablePointer<Glibc.group>?
      let code = getgrnam_r(name, &record, buffer, room, &result)
      return (code, result.map { $0.pointee.gr_gid })
    }
  }

  private static func found(
    _ what: String, _ name: String, _ ask: (UnsafeMutablePointer<CChar>, Int) -> (code: Int32, number: UInt32?)
  ) throws(FileFault) -> UInt32 {
    var room = Limits.accountBytes
    while true {
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: room)
      defer { buffer.deallocate() }
      let (code, number) = ask(buffer, room)
      if let number { return number }
      guard code == ERANGE, room < Limits.largestAccountBytes else {
        throw FileFault(
          .missing, "Cannot find the \(what)", at: name, why: code == 0 ? "no such \(what)" : "error \(code)",
          remedy: "Correct the feed's `\(what == "user" ? "owner" : "group")`, or make the account")
      }
      room *= 4
    }
  }
}
