import Core

/// A manifest that is cut, bent or made up: refused, or a list of names that can lie in one folder, each once. Where it was read, it
/// reads the same without its blanks; the first bytes of it alone are never read as a whole.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzManifest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  judge(bytes)
  // Most made-up bytes are no JSON at all: the same bytes inside of a manifest's shape reach further.
  let text = bytes.filter { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5c }
  let half = text.count / 2
  judge(
    Array("{\"flowRunId\":\"r\",\"exportResults\":[{\"name\":\"".utf8) + text[..<half]
      + Array("\",\"size\":1},{\"name\":\"".utf8)
      + text[half...] + Array("\",\"size\":\(count)}]}".utf8))
  return 0
}

private func judge(_ bytes: [UInt8]) {
  guard let manifest = try? Manifest(bytes) else { return }
  var names: Set<FileName> = []
  for file in manifest.files {
    let name = file.name.bytes
    precondition((1...255).contains(name.count) && !name.contains(0x2f) && !name.contains(0), "a name of no file")
    precondition(name != [0x2e] && name != [0x2e, 0x2e], "a name that leads elsewhere")
    precondition(names.insert(file.name).inserted, "a name twice")
  }
  precondition((try? Manifest(bytes + [0x0a])) == manifest, "a line end changed it")
  if let last = bytes.lastIndex(of: 0x7d) {
    precondition((try? Manifest(Array(bytes[..<last]))) == nil, "half of it was read")
  }
}
