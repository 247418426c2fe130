import Core

/// Any bytes, as names, patterns, templates, times, identifiers and manifests: each is read or refused, and what is
/// read is written back as it was.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let text = String(decoding: bytes, as: UTF8.self)
  let name = FileName(bytes: bytes)
  precondition(FileName(escaped: name.description) == name, "an escaped name differs")
  _ = name.masked
  let drop = DropName(name)
  precondition((1...999).contains(drop.part) && drop.set.bytes.count <= bytes.count, "a name told too much")
  let half = bytes.count / 2
  _ = Glob(String(decoding: bytes[..<half], as: UTF8.self)).matches(bytes[half...])
  if let id = BatchID(text) { precondition(id.description == text, "a batch's id differs") }
  if let id = DropID(text) { precondition(id.description == text, "a drop's id differs") }
  if let time = Timestamp(text: text) { precondition(Timestamp(time.fields).seconds == time.seconds, "a time differs") }
  if let template = try? NameTemplate(text), let feed = FeedName("f"), let id = DropID("20260304T101500Z-9f2c41"),
    let made = try? template.render(name: name, feed: feed, drop: id, at: Timestamp(seconds: 0))
  {
    precondition((1...255).contains(made.bytes.count) && !made.bytes.contains(0x2f), "no name of one component")
  }
  _ = try? Manifest(bytes)
  return 0
}
