import Config
import Core
import Files
import Formats
import SystemPackage

/// The rows of one drop while it is checked: what is found in them is put by, and in the end it is said which are bad.
struct RowInspection {
  let tally: RowTally
  let seed = KeySeed.random()
  private let drop: DropID
  private let rules: RowRules
  private let folder: SpillFolder

  /// Nil where the feed looks at no row by itself.
  init?(_ plan: DropPlan, in pass: FeedPass) throws(FileFault) {
    let settings = pass.settings
    let rules = RowRules(settings)
    guard !rules.isEmpty || settings.rejects != nil else { return nil }
    (drop, self.rules, folder) = (plan.id, rules, SpillFolder(pass))
    try folder.remove(drop)
    var count = 0
    tally = RowTally(rules) { [folder, drop] in
      count += 1
      return folder.spill("\(drop).sort-\(count)")
    }
  }

  /// What was found in all parts.
  struct Found {
    /// By the number of the part.
    var bad: [Int: Int] = [:]
    /// Of duplicates, the first of each part.
    var duplicates: [Int: [Reason]] = [:]
    var total: Int { bad.values.reduce(0, +) }
  }

  /// - Parameter keeps: a list is written of each part that has bad rows.
  func finish(keeps: Bool) throws(FileFault) -> Found {
    var found = Found()
    var list: (part: Int, spill: FileSpill)?
    do throws(FileFault) {
      try tally.finish { (part, row) throws(FileFault) in
        found.bad[part, default: 0] += 1
        if row.kind == .duplicate, found.duplicates[part, default: []].count < Limits.reasons {
          let (code, message) = rules.complaint(.duplicate, "")
          found.duplicates[part, default: []].append(Reason(code, message, row: row.row))
        }
        guard keeps else { return }
        if list?.part != part { list = (part, folder.spill(SpillFolder.list(drop, part))) }
        if let list { try RejectList.write(row, to: list.spill) }
      }
    } catch {
      try? folder.remove(drop)
      throw error
    }
    for count in 1...2 { try folder.remove(named: "\(drop).sort-\(count)") }
    return found
  }
}

/// Where sorted rows and lists of bad ones lie, below the feed's part of the state folder. Emptied at each start.
struct SpillFolder {
  private let path: FilePath
  private let files: any Files
  private let requireRoom: (UInt64) throws(FileFault) -> Void

  init(_ pass: FeedPass) {
    let path = pass.spool.root.appending("rows")
    (self.path, files) = (path, pass.files)
    requireRoom = { [root = pass.spool.root] (bytes) throws(FileFault) in try pass.requireRoom(for: bytes, at: root) }
  }

  static func list(_ drop: DropID, _ part: Int) -> String { "\(drop).bad-\(part)" }

  func spill(_ name: String) -> FileSpill { FileSpill(path.appending(name), files, requireRoom: requireRoom) }

  func list(_ drop: DropID, _ part: Int) -> RejectList { RejectList(path: path.appending(Self.list(drop, part))) }

  /// Whether each part with bad rows has its list, made in this life.
  func has(_ plan: DropPlan) throws(FileFault) -> Bool {
    for number in plan.dataIndices where plan.parts[number].rejected ?? 0 > 0 {
      guard try files.info(list(plan.id, number).path) != nil else { return false }
    }
    return true
  }

  func remove(named name: String) throws(FileFault) { try files.removeIfThere(path.appending(name)) }

  /// All that is of this drop.
  func remove(_ drop: DropID) throws(FileFault) {
    guard try files.info(path) != nil else { return }
    let prefix = Array("\(drop).".utf8)
    for name in try files.list(path) where name.bytes.starts(with: prefix) {
      try files.removeIfThere(path.appending(name))
    }
  }

  func empty() throws(FileFault) { try files.removeTree(path) }
}

extension RowRules {
  init(_ settings: FeedSettings) {
    self.init()
    let require = settings.require
    for (name, type) in require.types { values[name, default: Value()].type = type }
    for name in require.notNull { values[name, default: Value()].isRequired = true }
    for (name, most) in require.length { values[name, default: Value()].maxLength = most }
    unique = settings.unique?.columns ?? []
    keep =
      switch settings.unique?.keep ?? .none {
      case .none: .none
      case .first: .first
      case .last: .last
      }
  }
}
