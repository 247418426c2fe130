/// A plan says of itself whether it can be one that we wrote. Whoever reads a plan asks: a flipped bit, or a hand that should not have been
/// there, must not reach what trusts it (names become paths, numbers are added).
public protocol CheckedPlan {
  /// What is wrong with it, as the rest of a sentence; nil: nothing.
  var complaint: String? { get }
}

extension FileName {
  /// A name that one folder can hold, and that leads nowhere else.
  public var isLegal: Bool {
    (1...Limits.nameBytes).contains(bytes.count) && !bytes.contains(0) && !bytes.contains(UInt8(ascii: "/"))
      && bytes != [46] && bytes != [46, 46]
  }
}

/// What the kernel can say of a file: its sizes and offsets are signed.
private func isSize(_ bytes: UInt64) -> Bool { bytes <= UInt64(Int64.max) }

/// An absolute path that goes down only.
private func isPath(_ text: String) -> Bool {
  guard text.utf8.first == UInt8(ascii: "/"), text.utf8.count < 4_096, !text.utf8.contains(0) else { return false }
  return !text.split(separator: "/").contains { $0 == "." || $0 == ".." }
}

extension DropPlan: CheckedPlan {
  public var complaint: String? {
    if schema != 1 { return "it is of schema \(schema), and this navette knows 1" }
    if parts.count > Limits.parts {
      return "it lists \(counted(parts.count, "part")), and \(Limits.parts) are the most"
    }
    for part in parts { if let complaint = part.complaint { return complaint } }
    if Set(parts.map(\.name)).count != parts.count { return "two of its parts have one name" }
    let finals = parts.compactMap(\.finalName)
    if Set(finals).count != finals.count { return "two of its parts have one final name" }
    if let staged, !isPath(staged.folder) { return "its hand-over folder is no path" }
    if (incomplete ?? []).contains(where: { $0.part?.isLegal == false }) { return "it lacks a part whose name is none" }
    return nil
  }
}

extension DropPart {
  fileprivate var complaint: String? {
    if !name.isLegal { return "the name of a part is no file name" }
    if finalName?.isLegal == false { return "the final name of a part is no file name" }
    if !isPath(landing) { return "the landing folder of a part is no path" }
    if !isSize(size) || clear.map({ !isSize($0.size) }) == true { return "the size of a part is no file size" }
    if let rows, rows < 0 { return "a part has fewer than no rows" }
    if let rejected, rejected < 0 || rejected > rows ?? 0 { return "a part has more bad rows than rows" }
    return nil
  }
}

extension BatchPlan: CheckedPlan {
  public var complaint: String? {
    if schema != 1 { return "it is of schema \(schema), and this navette knows 1" }
    if segments.isEmpty || segments.count > Limits.segmentsPerBatch {
      return "it has \(counted(segments.count, "segment"))"
    }
    for segment in segments { if let complaint = segment.complaint { return complaint } }
    if stores.isEmpty || Set(stores).count != stores.count {
      return "its stores are none, or one of them stands there twice"
    }
    if rows < 1 || compressedBytes < 1 || !isSize(bytes) || !isSize(compressedBytes) {
      return "its rows or bytes cannot be so many"
    }
    if md5.utf8.count != 32 || Hex.decode(md5) == nil { return "its MD5 is none" }
    return nil
  }
}

extension Segment {
  fileprivate var complaint: String? {
    if from >= to || !isSize(to) { return "the bytes from \(from) to \(to) are no segment" }
    if !isPath(path) { return "the path of a log is none" }
    if !(0...Limits.headBytes).contains(identity.headBytes) { return "a log's head cannot be that long" }
    return nil
  }
}
