import Core
import Files
import Store
import SystemPackage

/// One blocking call to a `LocalStore`.
struct LocalWork: Sendable {
  let root: FilePath
  let files: any Files
  let memory: FolderMemory?
  var placing = FolderPlace()
  let what: String
  /// Nil for a list.
  let key: StoreKey?
  /// Nil: nothing slows it down.
  var pace: LocalPace?

  var target: FilePath {
    key.map { root.appending(key: $0.description) ?? FilePath("\(root.string)/\($0.description)") } ?? root
  }
  var folder: FilePath { target.parent }
  var place: String { "file://\(target.shown)" }
  var name: String { key?.description.split(separator: "/").last.map(String.init) ?? "" }
  /// Where an object is written before it is one.
  private var part: FilePath { folder.appending(LocalWork.partName(of: name)) }

  static func partName(of name: String) -> String { ".\(name).part" }
  static func isPart(_ name: FileName) -> Bool {
    name.bytes.first == UInt8(ascii: ".") && name.bytes.count > 6 && name.bytes.suffix(5).elementsEqual(".part".utf8)
  }

  // MARK: create

  func create(_ file: StoredFile) throws(StoreFault) -> Receipt {
    if LocalWork.isPart(FileName(name)) || LocalWork.partName(of: name).utf8.count > Limits.nameBytes {
      throw refused("such names are kept for objects being written, or leave no room for one", nil)
    }
    try file.refuseEmpty(what, at: place)
    let result = try asking { () throws(FileFault) in
      try begin()
      if let info = try files.info(target) { return try compare(file, info.kind) }
      let made = try makeFolders()
      if let busy = try clearPart() { return .failure(busy) }
      return try write(file, newFolders: made)
    }
    let receipt = try result.get()
    // A disk may go between two steps: then what was written lies under its folder, not on it.
    try checkRoot()
    return receipt
  }

  /// The folder of the whole, once.
  func begin() throws(FileFault) {
    if let memory, memory.isKnown(root) { return }
    try placing.check(root, what, files)
    try files.ensureDirectory(root)
    // Perhaps made by somebody who was killed before it was durable.
    do throws(FileFault) { try files.sync([root.parent]) } catch {
      if error.kind != .denied { throw error }
    }
    try memory?.note(root)
  }

  private func write(_ file: StoredFile, newFolders: [FilePath]) throws(FileFault) -> Result<Receipt, StoreFault> {
    // Held open until the object has its name: that is how another agent knows that the part is being written.
    let output = try files.create(part, mode: .stateFile)
    do {
      let copied = try files.digest(of: file.path) { (chunk) throws(FileFault) in
        try pace?.pass(chunk.count, target)
        try output.write(chunk)
      }
      guard copied.size == file.size, copied.sha256 == file.sha256 else {
        removePart()
        return .failure(
          refused(
            "\(file.path.shown) is no longer what was sealed: its SHA-256 is \(copied.sha256)",
            "The disk, or a person, changed it: the batch cannot be sent"))
      }
      try files.sync([part])
      try withExtendedLifetime(output) { () throws(FileFault) in try files.move(part, to: target) }
    } catch {
      removePart()
      if error.kind == .exists, let info = try files.info(target) { return try compare(file, info.kind) }
      throw error
    }
    try files.sync([folder] + newFolders.map { $0.parent })
    return .success(Receipt(outcome: .created, size: file.size, sha256: file.sha256))
  }

  /// Answers with the folders that were made.
  func makeFolders() throws(FileFault) -> [FilePath] {
    var missing: [FilePath] = []
    var path = folder
    // The root itself is not made again: if it is gone, so is its disk.
    while path != root, try files.info(path) == nil {
      missing.append(path)
      path = path.parent
    }
    for path in missing.reversed() {
      do {
        try files.makeDirectory(path, mode: .stateDirectory)
      } catch {
        if error.kind != .exists { throw error }
      }
    }
    return missing
  }

  /// A part that a killed agent left is taken away. One that is open for writing is another agent's, at work on the same object.
  /// Where the file system cannot tell, it is taken for a leftover: keys hold host, stream and number, so no two agents share one.
  private func clearPart() throws(FileFault) -> StoreFault? {
    guard let info = try files.info(part) else { return nil }
    if info.kind == .file, try files.writers(of: part) == .some {
      return StoreFault(.unreachable, what, at: place, why: "another process is writing this object now")
    }
    try files.remove(part)
    return nil
  }

  /// After a fault that matters more; what stays is cleared by the next attempt.
  private func removePart() {
    do { try files.remove(part) } catch {}
  }

  private func compare(_ file: StoredFile, _ kind: FileInfo.Kind) throws(FileFault) -> Result<Receipt, StoreFault> {
    // It concerns this object alone, whatever it is: nothing behind it is looked at.
    guard kind == .file else {
      return .failure(
        StoreFault(
          .mismatch, what, at: place, why: "what has this name is no file",
          remedy: "Look at it; move it away if it is wrong, then: navette retry"))
    }
    let found = try files.digest(of: target)
    guard found.size == file.size, found.sha256 == file.sha256 else {
      return .failure(
        StoreFault(
          .mismatch, what, at: place,
          why: "another file has this name: \(counted(found.size, "byte")), SHA-256 \(found.sha256)",
          remedy: "Look at it; move it away if it is wrong, then: navette retry"))
    }
    // Whoever gave it its name may have been killed before the name was durable, in folders that were new.
    try files.sync([target] + foldersUpToRoot())
    return .success(Receipt(outcome: .alreadyThere, size: found.size, sha256: found.sha256))
  }

  private func foldersUpToRoot() -> [FilePath] {
    var folders = [folder]
    while folders[folders.count - 1] != root {
      folders.append(folders[folders.count - 1].parent)
    }
    return folders
  }

  // MARK: the rest

  func page(after walk: LocalWalk) throws(StoreFault) -> (LocalWalk, [ListedObject]) {
    try asking { () throws(FileFault) in
      var walk = walk
      let page = try walk.page(of: Limits.ownPage, files)
      return (walk, page)
    }
  }

  func barred(_ folder: (key: String, fault: FileFault)) -> BarredFolder {
    BarredFolder(
      key: folder.key, fault: TransferFailure.file(folder.fault).fault(what, at: "file://\(folder.fault.place)"))
  }

  func find() throws(StoreFault) -> ListedObject? {
    try asking { () throws(FileFault) in
      // A deletion that was killed has left it there, and it may be another version than the one that was to go.
      if hasAside, try files.info(target) == nil, try files.info(aside) != nil { try giveBack(aside) }
      guard let key, let info = try files.info(target), info.kind == .file else { return nil }
      return ListedObject(
        key: key.description, size: info.size, tag: nil, modified: .ofFile(info.modified))
    }
  }

  func stat() throws(StoreFault) -> Receipt? {
    try asking { () throws(FileFault) in
      guard try files.info(target)?.kind == .file else { return nil }
      let found = try files.digest(of: target)
      return Receipt(outcome: .found, size: found.size, sha256: found.sha256)
    }
  }

  func read(into copy: FilePath, atMost most: UInt64) throws(StoreFault) -> Receipt {
    var (isTooLong, hasChanged) = (false, false)
    do throws(StoreFault) {
      return try asking { () throws(FileFault) in
        guard let info = try files.info(target), info.kind == .file else {
          throw FileFault(.missing, "Cannot open", at: target, why: "there is no such object")
        }
        let output = try files.create(copy, mode: .stateFile)
        do throws(FileFault) {
          var size: UInt64 = 0
          let found = try files.digest(of: target) { (chunk) throws(FileFault) in
            size +|= UInt64(chunk.count)
            isTooLong = size > most
            // Whoever appends to it may be quicker than we are.
            if isTooLong { throw FileFault(.io, "Cannot copy", at: target, why: "it grows") }
            try pace?.pass(chunk.count, target)
            try output.write(chunk)
          }
          // Where it was written meanwhile, the copy may be part of one version and part of another.
          hasChanged = try files.info(target)?.modified != info.modified
          if hasChanged { throw FileFault(.io, "Cannot copy", at: target, why: "it is being written") }
          return Receipt(
            outcome: .found, size: found.size, sha256: found.sha256,
            modified: .ofFile(info.modified))
        } catch {
          do { try files.remove(copy) } catch {}
          throw error
        }
      }
    } catch {
      if isTooLong { throw .tooLong(what, at: place, most: most) }
      guard hasChanged else { throw error }
      throw StoreFault(.mismatch, what, at: place, why: "it was written while it was read", remedy: "It is tried again")
    }
  }

  func delete() throws(StoreFault) {
    try asking { () throws(FileFault) in
      do throws(FileFault) {
        try files.remove(target)
        try files.sync([folder])
      } catch {
        if error.kind != .missing { throw error }
      }
    }
  }

  /// Where it lies while it is looked at for the last time. No object that we write is built under this name: none of our keys has a tilde.
  private var aside: FilePath { folder.appending(LocalWork.partName(of: "~\(name)")) }
  /// The longest names leave no room for it.
  private var hasAside: Bool { LocalWork.partName(of: "~\(name)").utf8.count <= Limits.nameBytes }

  /// It is set aside, looked at, and only then removed: what a sender renames to its name in between is not touched.
  func delete(listedAs object: ListedObject) throws(StoreFault) -> Bool {
    func isListed(_ path: FilePath) throws(FileFault) -> Bool? {
      guard let info = try files.info(path) else { return nil }
      return info.kind == .file && info.size == object.size
        && (object.modified.map { $0 == .ofFile(info.modified) } ?? true)
    }
    return try asking { () throws(FileFault) in
      guard hasAside else {
        guard let isSame = try isListed(target) else { return true }
        if isSame { try remove(target) }
        return isSame
      }
      // Of an attempt that was killed.
      try giveBack(aside)
      guard let isSame = try isListed(target) else { return true }
      guard isSame else { return false }
      do throws(FileFault) { try files.move(target, to: aside) } catch {
        guard error.kind == .missing else { throw error }
        return true
      }
      guard try isListed(aside) == false else {
        try remove(aside)
        return true
      }
      try giveBack(aside)
      return false
    }
  }

  /// Where its name has been taken meanwhile, it is what the newer one would have replaced.
  private func giveBack(_ aside: FilePath) throws(FileFault) {
    do {
      try files.move(aside, to: target)
    } catch {
      if error.kind == .missing { return }
      guard error.kind == .exists else { throw error }
      try files.remove(aside)
    }
    try files.sync([folder])
  }

  private func remove(_ path: FilePath) throws(FileFault) {
    do { try files.remove(path) } catch { if error.kind != .missing { throw error } }
    try files.sync([folder])
  }

  private func refused(_ why: String, _ remedy: String?) -> StoreFault {
    StoreFault(.refused, what, at: place, why: why, remedy: remedy)
  }

  func asking<Value>(_ body: () throws(FileFault) -> Value) throws(StoreFault) -> Value {
    try checkRoot()
    do throws(FileFault) {
      return try body()
    } catch {
      try checkRoot()
      throw TransferFailure.file(error).fault(what, at: place)
    }
  }

  func checkRoot() throws(StoreFault) {
    guard let memory else { return }
    do throws(FileFault) {
      guard let complaint = try memory.complaint(about: root) else { return }
      throw FileFault(.io, what, at: root.shown, why: complaint, remedy: memory.remedy)
    } catch {
      throw StoreFault(.unreachable, what, at: "file://\(root.shown)", why: error.why, remedy: error.remedy)
    }
  }
}

extension Timestamp {
  /// Of a file in a folder: one beyond the years that can be written down is the last or the first moment of them.
  static func ofFile(_ nanoseconds: Int64) -> Timestamp { min(max(Timestamp(nanoseconds: nanoseconds), .first), .last) }
}
