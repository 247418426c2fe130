internal import CLinux
public import Core
internal import Glibc
public import SystemPackage

/// `in-hand` in the state folder: what the agent works on now, how its last life ended, and how those ended that were not clean.
///
/// One agent has it at a time, under the lock of the state folder. Whatever lies under its name, however damaged, keeps no agent from
/// starting: it goes on without.
public struct InHandFile {
  /// What a life is known by.
  public struct Life: Hashable, Sendable {
    public var program: String
    /// Of the machine's run; empty where it cannot be told.
    public var boot: String
    /// systemd's number for this start of the service; empty outside of it.
    public var invocation: String

    public init(program: String, boot: String, invocation: String) {
      (self.program, self.boot, self.invocation) = (program, boot, invocation)
    }
  }

  /// What the file tells of lives that are over.
  public struct Past: Hashable, Sendable {
    /// Of the life that had the file last.
    public var last: LifeEnd?
    /// Of lives that did not end well, newest first, `last` among them.
    public var ends: [LifeEnd] = []
    /// All that the last life had in hand when it ended.
    public var inHand: [Work] = []

    public init() {}
  }

  private static let magic = "navette in hand"

  public let past: Past
  private let hands: Hands
  private let isMapped: Bool
  private let life: Life
  private let end: cl_end?

  /// Reads what is there and maps it; nothing is changed yet, so that what is told of the past is told again where this process dies
  /// before `begin`.
  /// - Returns: with why it is in memory alone.
  public static func open(_ path: FilePath, _ life: Life) -> (InHandFile, FileFault?) {
    let room = MemoryLayout<cl_area>.size
    var held = 0
    let before = Hands()
    let area = path.withPlatformString { cl_area_map($0, AccessMode.stateFile.rawValue, before.area, room, &held) }
    let failure = errno
    guard let area else {
      let fault = FileFault(errno: failure, "Cannot keep what is in hand in", path)
      return (InHandFile(hands: Hands(), isMapped: false, life, of: nil), fault)
    }
    return (InHandFile(hands: Hands(mapped: area), isMapped: true, life, of: held == room ? before : nil), nil)
  }

  /// What the file's bytes tell while no agent has it.
  /// - Parameter boot: of the machine's run now.
  public static func past(_ bytes: [UInt8], boot: String) -> Past {
    guard let before = image(bytes) else { return Past() }
    return InHandFile(hands: before, isMapped: false, Life(program: "", boot: boot, invocation: ""), of: before).past
  }

  /// How the life before the present one ended, while an agent has the file.
  public static func lastBefore(_ bytes: [UInt8]) -> LifeEnd? {
    guard let image = image(bytes) else { return nil }
    // Its memory goes with it, and the optimiser lets it go after its last use.
    return withExtendedLifetime(image) { isOurs(image.area.pointee.life) ? LifeEnd(image.area.pointee.last) : nil }
  }

  private static func image(_ bytes: [UInt8]) -> Hands? {
    guard bytes.count == MemoryLayout<cl_area>.size else { return nil }
    let image = Hands()
    UnsafeMutableRawBufferPointer(start: image.area, count: bytes.count).copyBytes(from: bytes)
    return image
  }

  private init(hands: Hands, isMapped: Bool, _ life: Life, of before: Hands?) {
    (self.hands, self.isMapped, self.life) = (hands, isMapped, life)
    var past = Past()
    end = before.flatMap { Self.end(of: $0.area, boot: life.boot) }
    if let before, end != nil {
      past.last = end.flatMap { LifeEnd($0) }
      past.inHand = Self.held(before.area).compactMap { Work($0.pointee) }
      let earlier = (0..<CL_ENDS).compactMap { LifeEnd(cl_area_end(before.area, $0).pointee) }
      past.ends = (past.last.map { $0.isClean ? [] : [$0] } ?? []) + earlier
    }
    self.past = past
  }

  /// A new life has the file from now on.
  public func begin() -> Hands {
    let area = hands.area
    if let end {
      if end.cause > 2 {
        for number in (1..<CL_ENDS).reversed() {
          cl_area_end(area, number).pointee = cl_area_end(area, number - 1).pointee
        }
        cl_area_end(area, 0).pointee = end
      }
      area.pointee.last = end
    } else {
      UnsafeMutableRawPointer(area).initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<cl_area>.size)
    }
    var new = cl_life()
    put(Self.magic, into: &new.magic)
    (new.format, new.hands) = (UInt32(CL_AREA_FORMAT), UInt32(CL_HANDS))
    (new.pid, new.started_ns) = (getpid(), SystemClock.wall().nanoseconds)
    put(life.boot, into: &new.boot)
    put(life.invocation, into: &new.invocation)
    put(life.program, into: &new.program)
    new.check = Hands.check(new, upTo: \.check)
    (area.pointee.finish, area.pointee.crash, area.pointee.word) = (cl_finish(), cl_crash(), cl_word())
    area.pointee.life = new
    area.pointee.last_ns = 0
    for slot in 0..<CL_HANDS { cl_area_hand(area, slot).pointee = cl_hand() }
    // Once in a life: without it, a power cut could bring back the clean end of the life before.
    if isMapped { cl_area_sync(area) }
    return hands
  }

  // MARK: - Reading

  private static func isOurs(_ life: cl_life) -> Bool {
    var magic = cl_life().magic
    put(Self.magic, into: &magic)
    let isSame = withUnsafeBytes(of: magic) { one in
      withUnsafeBytes(of: life.magic) { one.elementsEqual($0) }
    }
    return isSame && life.format == UInt32(CL_AREA_FORMAT) && life.hands == UInt32(CL_HANDS)
      && life.check == Hands.check(life, upTo: \.check)
  }

  private static func held(_ area: UnsafeMutablePointer<cl_area>) -> [UnsafeMutablePointer<cl_hand>] {
    (0..<CL_HANDS).map { cl_area_hand(area, $0) }.filter { $0.pointee.owner != 0 }
  }

  private static func end(of area: UnsafeMutablePointer<cl_area>, boot: String) -> cl_end? {
    let life = area.pointee.life
    guard isOurs(life) else { return nil }
    var end = cl_end()
    (end.pid, end.started_ns, end.program) = (life.pid, life.started_ns, life.program)
    var here = life.boot
    put(boot, into: &here)
    let isKnown = !boot.isEmpty && life.boot.0 != 0
    let isSame = withUnsafeBytes(of: here) { one in withUnsafeBytes(of: life.boot) { one.elementsEqual($0) } }
    end.has_rebooted = isKnown && !isSame ? 1 : 0
    let word = area.pointee.word
    let isItsWord = withUnsafeBytes(of: word.invocation) { one in
      withUnsafeBytes(of: life.invocation) { one.elementsEqual($0) }
    }
    if life.invocation.0 != 0, isItsWord, word.check == Hands.check(word, upTo: \.check) { end.word = word }
    describe(&end, area)
    end.check = Hands.check(end, upTo: \.check)
    return end
  }

  private static func describe(_ end: inout cl_end, _ area: UnsafeMutablePointer<cl_area>) {
    let (crash, finish) = (area.pointee.crash, area.pointee.finish)
    let held = held(area)
    var hands = held.map(\.pointee)
    end.in_hand = UInt32(held.count)
    end.at_ns = area.pointee.last_ns
    let isWatchdogs = crash.sender != 0 && isOneOf(["watchdog", "timeout"], end.word.result)
    if crash.state != 0, !isWatchdogs {
      (end.cause, end.signal, end.sender, end.at_ns) = (3, crash.signal, crash.sender, crash.at_ns)
      let isHeld = crash.state == 2 && (0..<CL_HANDS).contains(crash.slot)
      hands = isHeld ? [cl_area_hand(area, crash.slot).pointee] : []
    } else if finish.state == 1, finish.check == Hands.check(finish, upTo: \.check) {
      (end.cause, end.code, end.at_ns) = (finish.code == 0 ? 1 : 2, finish.code, finish.at_ns)
      hands = []
    } else {
      end.cause = 4
    }
    end.copied = UInt32(min(hands.count, Int(CL_END_HANDS)))
    withUnsafeMutableBytes(of: &end.hands) { room in
      let room = room.bindMemory(to: cl_hand.self)
      for (index, hand) in hands.prefix(room.count).enumerated() { room[index] = hand }
    }
  }

  private static func isOneOf<Characters>(_ words: [String], _ characters: Characters) -> Bool {
    withUnsafeBytes(of: characters) { bytes in
      words.contains { word in bytes.prefix { $0 != 0 }.elementsEqual(word.utf8) }
    }
  }
}

// MARK: - What systemd says

extension InHandFile {
  /// Adds systemd's word to the life that it is about, if the file is that life's.
  /// - Returns: false where it is another's, or none is there.
  public static func note(_ word: LifeEnd.Word, of invocation: String, at path: FilePath) throws(FileFault) -> Bool {
    let what = "Cannot note the end of the service in"
    let number = try demand(what, path) { Glibc.open($0, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    defer { close(number) }
    var life = cl_life()
    let size = MemoryLayout<cl_life>.size
    guard attempt({ pread(number, &life, size, 0) }).result == size, isOurs(life) else { return false }
    var raw = cl_word()
    put(invocation, into: &raw.invocation)
    let isItsWord = withUnsafeBytes(of: raw.invocation) { one in
      withUnsafeBytes(of: life.invocation) { one.elementsEqual($0) }
    }
    guard !invocation.isEmpty, isItsWord, let offset = MemoryLayout<cl_area>.offset(of: \.word) else { return false }
    put(word.result, into: &raw.result)
    put(word.code, into: &raw.code)
    put(word.status, into: &raw.status)
    raw.at_ns = SystemClock.wall().nanoseconds
    raw.check = Hands.check(raw, upTo: \.check)
    let length = MemoryLayout<cl_word>.size
    if let failure = attempt({ pwrite(number, &raw, length, off_t(offset)) }).failure {
      throw FileFault(errno: failure, what, path)
    }
    return true
  }
}
