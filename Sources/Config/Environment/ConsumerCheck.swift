import Core
import Glibc
import SystemPackage

/// Whether the consumer could read what is handed over, as far as mode bits tell. `check` says where it could not; it is no reason not to
/// start, for whose account the consumer's is can only be guessed: it is the owner of the hand-over folder.
public struct ConsumerCheck {
  public static func notes(of settings: Settings) -> [String] {
    let environment = Environment()
    let agent = Agent(
      user: environment.effectiveUser, groups: [getegid()] + environment.groups(), name: environment.user)
    return settings.feeds.compactMap { feed in
      guard let folder = environment.ownership(feed.handover), let consumer = environment.account(folder.owner) else {
        return nil
      }
      return note(feed, folder: folder, consumer: consumer, agent: agent, groupName: environment.groupName)
    }
  }

  struct Agent {
    let user: UInt32
    /// The first is that of its files.
    let groups: [UInt32]
    let name: String

    func mayGive(to group: UInt32) -> Bool { user == 0 || groups.contains(group) }
  }

  /// Nil: it could, or nothing is known of it.
  static func note(
    _ feed: FeedSettings, folder: Environment.Ownership, consumer: Environment.Account, agent: Agent,
    groupName: (UInt32) -> String
  ) -> String? {
    let key = "feeds.\(feed.name)"
    if feed.owner != nil { return nil }
    if let group = feed.group {
      return feed.mode & 0o040 != 0
        ? nil
        : "\(key).mode: the group \(group) could not read what is handed over. Give its members the right: \"0660\""
    }
    // The agent's own folder, or root's, says nothing of who takes files out of it.
    if consumer.user == 0 || consumer.user == agent.user { return nil }
    let gives = folder.setsGroup || agent.mayGive(to: folder.group)
    let group = gives ? folder.group : agent.groups[0]
    let isMember = consumer.groups.contains(group)
    if feed.mode & (isMember ? 0o040 : 0o004) != 0 { return nil }
    let start =
      "\(key).handover: \(consumer.name), to whom \(feed.handover) belongs, could not read what is handed over: "
    if isMember { return start + "its group has no right to. Set mode: \"0660\"" }
    let theirs = groupName(folder.group)
    if !gives, consumer.groups.contains(folder.group) {
      return start
        + "\(agent.name) is not in the group \(theirs). Run: usermod -aG \(theirs) \(agent.name), and restart the service"
    }
    return start
      + "it is not in the group \(groupName(group)), which the files have. Set \(key).group to a group of both, or let the folder belong to one"
  }
}

extension Environment {
  struct Ownership: Hashable {
    let owner, group: UInt32
    /// New files have the folder's group, whoever makes them.
    let setsGroup: Bool
  }

  struct Account: Hashable {
    let user: UInt32
    let name: String
    let groups: [UInt32]
  }

  /// Nil: the host's databases do not know this user.
  func account(_ user: UInt32) -> Account? {
    var room = [CChar](repeating: 0, count: Limits.accountRecordBytes)
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    guard getpwuid_r(user, &entry, &room, room.count, &found) == 0, found != nil, let name = entry.pw_name else {
      return nil
    }
    var groups = [gid_t](repeating: 0, count: Limits.accountGroups)
    var count = Int32(groups.count)
    // More than there is room for: those that fit are known.
    _ = getgrouplist(name, entry.pw_gid, &groups, &count)
    return Account(
      user: user, name: String(cString: name), groups: Array(groups.prefix(max(0, min(Int(count), groups.count)))))
  }

  /// Of this process, beside its first one.
  func groups() -> [UInt32] {
    var groups = [gid_t](repeating: 0, count: Limits.accountGroups)
    let count = getgroups(Int32(groups.count), &groups)
    return Array(groups.prefix(max(0, Int(count))))
  }

  /// Its number where it has no name.
  func groupName(_ group: UInt32) -> String {
    var room = [CChar](repeating: 0, count: Limits.groupRecordBytes)
    var entry = Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    guard getgrgid_r(group, &entry, &room, room.count, &found) == 0, found != nil, let name = entry.gr_name else {
      return String(group)
    }
    return String(cString: name)
  }
}
