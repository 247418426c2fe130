import Config
import Core
import Files
import Formats
import Lanes
import SystemPackage

/// The bytes of a part as its sender meant them: where the feed has a key, PGP data is decrypted on its way. The clear text is never a
/// file of ours: it is made anew for the check and for the hand-over, so an encrypted part costs no room twice.
struct PartReader {
  let files: any Files
  let settings: FeedSettings
  let keys: KeyRingCache
  let turn: Turn
  let stop: () -> Bool

  /// The bytes as they lie there.
  func read(
    _ file: any ReadableFile, _ body: (UnsafeRawBufferPointer) throws(FileFault) -> Bool
  ) throws(FileFault) -> Decryption {
    try turn.working { () throws(FileFault) in
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 4096)
      defer { buffer.deallocate() }
      var offset: UInt64 = 0
      var most = buffer.count
      while true {
        if stop() { return .stopped }
        let count = try file.read(into: buffer, at: offset)
        if count == 0 { return .whole }
        if offset == 0, Sniff(buffer.prefix(count)) == .gzip { most = Limits.packedBytes }
        var piece = 0
        while piece < count {
          if piece > 0, stop() { return .stopped }
          let end = min(piece + most, count)
          guard try body(UnsafeRawBufferPointer(rebasing: buffer[piece..<end])) else { return .enough }
          piece = end
        }
        offset += UInt64(count)
      }
    }
  }

  /// Told by its content. Without a key it does not matter: then it is refused, or goes as it is.
  func isSealed(_ file: any ReadableFile) throws(FileFault) -> Bool {
    guard settings.decrypt != nil else { return false }
    return try head(of: file) == .pgp
  }

  func head(of file: any ReadableFile) throws(FileFault) -> Sniff { Sniff(try firstBytes(of: file)) }

  private func firstBytes(of file: any ReadableFile) throws(FileFault) -> ArraySlice<UInt8> {
    var head = [UInt8](repeating: 0, count: Sniff.headBytes)
    return head[..<(try file.fill(&head, at: 0))]
  }

  /// - Parameters:
  ///   - toEnd: `raw` sees all of the file whatever comes of it, unless it is asked to stop.
  ///   - raw: sees the bytes as they lie there.
  ///   - body: takes clear text, which counts for nothing unless the answer is `.whole`.
  func unseal(
    _ file: any ReadableFile, toEnd: Bool = false, raw: (UnsafeRawBufferPointer) -> Void = { _ in },
    _ body: KeyRing.Sink
  ) throws(FileFault) -> Decryption {
    guard let decrypt = settings.decrypt else {
      throw FileFault(.denied, "Cannot decrypt for feed", at: settings.name.text, why: "it has no key any more")
    }
    var offset: UInt64 = 0
    // GnuPG passes over a greeting, and not over all that may stand before its line.
    var before = Sniff.armorStart(try firstBytes(of: file)) ?? 0
    func source(_ room: UnsafeMutableRawBufferPointer) throws(FileFault) -> Int {
      while true {
        let count = try file.read(into: room, at: offset)
        raw(UnsafeRawBufferPointer(rebasing: room[..<count]))
        offset += UInt64(count)
        let passed = min(before, count)
        guard passed > 0 else { return count }
        before -= passed
        guard count > passed else { continue }
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[passed..<count]))
        return count - passed
      }
    }
    return try turn.working { () throws(FileFault) in
      let answer = try keys.using(settings.name, decrypt, turn) { (ring) throws(FileFault) in
        try ring.decrypt(from: source, stop: stop, to: body)
      }
      if answer == .stopped || answer != .whole && !toEnd { return answer }
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.chunkBytes, alignment: 4096)
      defer { room.deallocate() }
      while try source(room) > 0 { if stop() { return .stopped } }
      return answer
    }
  }

  /// Of a part that was checked: what the checks read, once more. False: asked to stop.
  func readChecked(_ part: DropPart, at path: FilePath, _ body: KeyRing.Sink) throws(FileFault) -> Bool {
    let file = try files.open(path)
    let answer = part.clear == nil ? try read(file, body) : try unseal(file, body)
    switch answer {
    case .whole, .enough: return true
    case .stopped: return false
    case .refused(let reason):
      throw FileFault(
        .io, "Cannot decrypt", at: path, why: "\(reason.message), though it was whole when it was checked")
    }
  }

  /// Unpacked, whether it came encrypted or not.
  /// - Parameter staged: a new file. - Returns: false: asked to stop.
  func stagePlain(_ part: DropPart, at path: FilePath, to staged: FilePath) throws(FileFault) -> Bool {
    let file = try files.create(staged, mode: .init(rawValue: settings.mode))
    var unpacking = Unpacking(file)
    guard try readChecked(part, at: path, { (bytes) throws(FileFault) in try unpacking.take(bytes) }) else {
      return false
    }
    guard unpacking.isWhole() else {
      throw FileFault(.io, "Cannot unpack", at: path, why: "it is not what was checked any more")
    }
    return true
  }

  /// - Parameter staged: a new file. - Returns: false: asked to stop.
  func stageClear(_ part: DropPart, at path: FilePath, to staged: FilePath) throws(FileFault) -> Bool {
    let file = try files.create(staged, mode: .init(rawValue: settings.mode))
    var hasher = DigestHasher()
    let isThrough = try readChecked(part, at: path) { (bytes) throws(FileFault) in
      hasher.update(bytes)
      try file.write(bytes)
      return true
    }
    guard isThrough else { return false }
    guard hasher.finish() == part.clear?.sha256 else {
      throw FileFault(.io, "Cannot decrypt", at: path, why: "it is not what was checked any more")
    }
    return true
  }
}

extension DropPart {
  /// Its name without its encryption.
  var clearName: FileName {
    guard clear != nil else { return name }
    let tail = name.bytes.suffix(4).map { (65...90).contains($0) ? $0 + 32 : $0 }
    let isMarked = [".gpg", ".pgp", ".asc"].contains { tail.elementsEqual($0.utf8) }
    return isMarked && name.bytes.count > 4 ? FileName(bytes: name.bytes.dropLast(4)) : name
  }
}
