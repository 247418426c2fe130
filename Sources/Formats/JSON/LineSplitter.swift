import Core

/// Parts lines of JSON into good ones and bad ones, each as it was.
///
/// They were checked before, and which are bad is known.
public struct LineSplitter: ~Copyable {
  private var source: TextSource? = TextSource(.utf8)
  private var mark: [UInt8]? = []
  private var lines: LineCutter
  private let repacks: Bool
  private var deflater: Deflater?
  private var isPacked = false
  private var good: [UInt8] = []
  private var bad: [UInt8] = []
  private let next: (_ row: Int, _ line: Int) -> Bool
  private var line = 0
  /// Empty lines since the last object, rows only where another one follows: whether each ends in CRLF, as runs.
  private var blanks: [(isCRLF: Bool, count: Int)] = []

  /// Objects so far, and empty lines before one.
  public private(set) var rows = 0
  public private(set) var isDamaged = false

  /// - Parameters:
  ///   - rules: those of the checks.
  ///   - repacks: good lines that came packed are packed again.
  ///   - isBad: asked of each row once, in order.
  public init(_ rules: JSONRules, repacks: Bool, isBad next: @escaping (_ row: Int, _ line: Int) -> Bool) {
    lines = LineCutter(most: rules.mostRowBytes + 1)
    (self.repacks, self.next) = (repacks, next)
  }

  /// The file's next bytes, as they arrived. What is emitted is valid during the call only.
  public mutating func feed<E: Error>(
    _ raw: UnsafeRawBufferPointer, good: (UnsafeRawBufferPointer) throws(E) -> Void,
    bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard var source = source.take() else { return }
    source.feed(raw) { read($0) }
    (isDamaged, isPacked) = (isDamaged || source.isDamaged, source.isPacked)
    self.source = consume source
    try flush(atLeast: Limits.rewriteOut, good, bad)
  }

  public mutating func finish<E: Error>(
    good: (UnsafeRawBufferPointer) throws(E) -> Void, bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    if var source = source.take() {
      source.finish { read($0) }
      (isDamaged, isPacked) = (isDamaged || source.isDamaged, source.isPacked)
    }
    if let mark {
      self.mark = nil
      mark.withUnsafeBufferPointer { cut($0) }
    }
    var cutter = lines
    cutter.finish { take($0) }
    try flush(atLeast: 0, good, bad)
    if var live = deflater.take() { try live.finish(emit: good) }
  }

  /// A byte order mark goes with the good lines, and is no part of the first.
  private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
    guard var mark else { return cut(text) }
    let part = text.prefix(3 - mark.count)
    mark.append(contentsOf: part)
    self.mark = mark
    guard mark.count == 3 else { return }
    self.mark = nil
    if mark == [0xef, 0xbb, 0xbf] { good += mark } else { mark.withUnsafeBufferPointer { cut($0) } }
    cut(UnsafeBufferPointer(rebasing: text.dropFirst(part.count)))
  }

  private mutating func cut(_ text: UnsafeBufferPointer<UInt8>) {
    // Moved out, so that it is not copied.
    var cutter = lines
    lines = LineCutter(most: 0)
    cutter.feed(text) { take($0) }
    lines = cutter
  }

  private mutating func take(_ text: UnsafeBufferPointer<UInt8>?) -> Bool {
    guard let text else {
      isDamaged = true
      return false
    }
    line += 1
    let isBlank = text.isEmpty || text.count == 1 && text[0] == 0x0d
    if isBlank {
      if let last = blanks.last, last.isCRLF != text.isEmpty {
        blanks[blanks.count - 1].count += 1
      } else {
        blanks.append((!text.isEmpty, 1))
      }
      return true
    }
    passBlanks()
    rows += 1
    if next(rows, line) {
      bad.append(contentsOf: text)
      bad.append(0x0a)
    } else {
      good.append(contentsOf: text)
      good.append(0x0a)
    }
    return true
  }

  private mutating func passBlanks() {
    guard !blanks.isEmpty else { return }
    var place = line - blanks.reduce(0) { $0 + $1.count }
    for run in blanks {
      let text: [UInt8] = run.isCRLF ? [0x0d, 0x0a] : [0x0a]
      for _ in 0..<run.count {
        rows += 1
        if next(rows, place) { bad += text } else { good += text }
        place += 1
      }
    }
    blanks.removeAll()
  }

  private mutating func flush<E: Error>(
    atLeast bytes: Int, _ emitGood: (UnsafeRawBufferPointer) throws(E) -> Void,
    _ emitBad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    if !good.isEmpty, good.count >= bytes {
      let ready = good
      good.removeAll(keepingCapacity: true)
      try ready.withUnsafeBufferPointer { (piece) throws(E) in try emit(UnsafeRawBufferPointer(piece), emitGood) }
    }
    if !bad.isEmpty, bad.count >= bytes {
      try bad.withUnsafeBufferPointer { (piece) throws(E) in try emitBad(UnsafeRawBufferPointer(piece)) }
      bad.removeAll(keepingCapacity: true)
    }
  }

  private mutating func emit<E: Error>(
    _ piece: UnsafeRawBufferPointer, _ good: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard repacks, isPacked else { return try good(piece) }
    var live = deflater.take() ?? Deflater(level: 6)
    try live.write(piece, emit: good)
    deflater = consume live
  }
}
