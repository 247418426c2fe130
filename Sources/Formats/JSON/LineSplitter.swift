import Core

/// Parts lines of JSON into good ones and bad ones, each as it was.
///
/// They were checked before, and which are bad is known.
public struct LineSplitter: ~Copyable {
  private var source: TextSource? = TextSource(.utf8)
  private var lines: LineCutter
  private var output: SplitOutput
  private var isPacked = false
  private let next: (_ row: Int, _ line: Int) -> Bool
  private var line = 0
  /// Empty lines since the last object, rows only where another one follows: whether each ends in CRLF, as runs.
  private var blanks: [(isCRLF: Bool, count: Int)] = []

  /// Objects so far, and empty lines before one.
  public private(set) var rows = 0
  public var isDamaged: Bool { isBroken || isTooLong }
  private var isBroken = false
  private var isTooLong = false
  private var hasPutMark = false

  /// - Parameters:
  ///   - rules: those of the checks.
  ///   - repacks: good lines that came packed are packed again.
  ///   - isBad: asked of each row once, in order.
  public init(_ rules: JSONRules, repacks: Bool, isBad next: @escaping (_ row: Int, _ line: Int) -> Bool) {
    lines = LineCutter(most: rules.mostRowBytes + 1)
    output = SplitOutput(repacks: repacks)
    self.next = next
  }

  /// The file's next bytes, as they arrived. What is emitted is valid during the call only.
  public mutating func feed<E: Error>(
    _ raw: UnsafeRawBufferPointer, good: (UnsafeRawBufferPointer) throws(E) -> Void,
    bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    guard var source = source.take() else { return }
    source.feed(raw) { read($0) }
    (isBroken, isPacked) = (source.isDamaged, source.isPacked)
    self.source = consume source
    try output.flush(isPacked: isPacked, good: good, bad: bad)
  }

  public mutating func finish<E: Error>(
    good: (UnsafeRawBufferPointer) throws(E) -> Void, bad: (UnsafeRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    if var source = source.take() {
      source.finish { read($0) }
      (isBroken, isPacked) = (source.isDamaged, source.isPacked)
    }
    var cutter = lines
    cutter.finish { take($0) }
    putMark(cutter)
    try output.finish(isPacked: isPacked, good: good, bad: bad)
  }

  private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
    // Moved out, so that it is not copied.
    var cutter = lines
    lines = LineCutter(most: 0)
    cutter.feed(text) { take($0) }
    putMark(cutter)
    lines = cutter
  }

  /// Good lines come with the byte order mark that was there.
  private mutating func putMark(_ cutter: LineCutter) {
    guard cutter.hasMark, !hasPutMark else { return }
    hasPutMark = true
    output.good.bytes.insert(contentsOf: [0xef, 0xbb, 0xbf], at: 0)
  }

  private mutating func take(_ text: UnsafeBufferPointer<UInt8>?) -> Bool {
    guard let text else {
      isTooLong = true
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
      output.bad.bytes += text
      output.bad.bytes.append(0x0a)
    } else {
      output.good.bytes += text
      output.good.bytes.append(0x0a)
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
        if next(rows, place) { output.bad.bytes += text } else { output.good.bytes += text }
        place += 1
      }
    }
    blanks.removeAll()
  }
}
