import CYaml
import Core

/// Reads one YAML (or JSON) document into a tree, by libyaml's events. Refuses what a configuration has no use for and
/// what could make a small file large: aliases, anchors, tags, a second document, deep nesting. A key that stands twice in
/// one map is reported, and the first one counts.
struct YamlParser {
  /// The tree, nil where the text is broken; problems of both kinds.
  static func parse(_ bytes: [UInt8], file: String) -> (root: YamlNode?, problems: [ConfigProblem]) {
    guard bytes.count <= Limits.configBytes else {
      let problem = ConfigProblem(
        file: file, key: "",
        message: "expected a file of at most \(Limits.configBytes >> 20) MiB, found \(counted(bytes.count, "byte"))")
      return (nil, [problem])
    }
    return bytes.withUnsafeBufferPointer { buffer in
      // libyaml keeps pointers into its parser, so it must not move.
      let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
      defer { parser.deallocate() }
      guard yaml_parser_initialize(parser) == 1 else {
        return (nil, [ConfigProblem(file: file, key: "", message: "cannot be read: out of memory")])
      }
      defer { yaml_parser_delete(parser) }
      yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
      var builder = YamlBuilder(parser: parser, bytes: buffer, file: file)
      do throws(ConfigProblem) {
        let root = try builder.document()
        return (root, builder.problems)
      } catch {
        return (nil, builder.problems + [error])
      }
    }
  }
}

/// Turns events into nodes. Lives no longer than the parser and the bytes it points to.
private struct YamlBuilder {
  let parser: UnsafeMutablePointer<yaml_parser_t>
  let bytes: UnsafeBufferPointer<UInt8>
  let file: String
  var problems: [ConfigProblem] = []

  init(parser: UnsafeMutablePointer<yaml_parser_t>, bytes: UnsafeBufferPointer<UInt8>, file: String) {
    self.parser = parser
    self.bytes = bytes
    self.file = file
  }

  private enum Event {
    case documentStart, end
    case scalar(YamlNode.Scalar)
    case list, map
    case other
  }

  mutating func document() throws(ConfigProblem) -> YamlNode {
    _ = try next()  // the stream's start
    var (event, place) = try next()
    guard case .documentStart = event else { return YamlNode(place: .start(of: file), value: .map([])) }
    (event, place) = try next()
    let root = try node(event, at: place, path: "", depth: 1)
    _ = try next()  // the document's end
    (event, place) = try next()
    if case .documentStart = event {
      throw refuse(place, "a second document begins here", "Put everything into one document, or into conf.d")
    }
    return root
  }

  private mutating func node(
    _ event: Event, at place: ConfigPlace, path: String, depth: Int
  ) throws(ConfigProblem) -> YamlNode {
    guard depth <= Limits.configDepth else {
      throw refuse(place, "nested more than \(Limits.configDepth) levels deep", nil)
    }
    switch event {
    case .scalar(let scalar): return YamlNode(place: place, value: .scalar(scalar))
    case .list:
      var items: [YamlNode] = []
      while true {
        let (event, at) = try next()
        if case .end = event { return YamlNode(place: place, value: .list(items)) }
        items.append(try node(event, at: at, path: "\(path)[\(items.count)]", depth: depth + 1))
      }
    case .map: return YamlNode(place: place, value: .map(try entries(path: path, depth: depth)))
    case .documentStart, .end, .other: throw refuse(place, "not valid YAML", nil)
    }
  }

  private mutating func entries(path: String, depth: Int) throws(ConfigProblem) -> [YamlNode.Entry] {
    var entries: [YamlNode.Entry] = []
    var places: [String: ConfigPlace] = [:]
    while true {
      let (event, place) = try next()
      if case .end = event { return entries }
      guard case .scalar(let key) = event else {
        throw refuse(place, "expected a name as key, found a list or a map", nil)
      }
      let (valueEvent, valuePlace) = try next()
      let keyPath = KeyText.path(path, key.text)
      let value = try node(valueEvent, at: valuePlace, path: keyPath, depth: depth + 1)
      if let first = places[key.text] {
        problems.append(
          ConfigProblem(at: place, key: keyPath, "this key stands here twice; first at \(first.short)"))
      } else {
        places[key.text] = place
        entries.append(YamlNode.Entry(key: key.text, place: place, value: value))
      }
    }
  }

  private func next() throws(ConfigProblem) -> (Event, ConfigPlace) {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxProblem() }
    defer { yaml_event_delete(&event) }
    let place = self.place(event.start_mark)
    switch event.type {
    case YAML_DOCUMENT_START_EVENT: return (.documentStart, place)
    case YAML_ALIAS_EVENT: throw refuse(place, "aliases (*name) are not allowed", "Write the value out")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      try check(anchor: scalar.anchor, tag: scalar.tag, at: place)
      let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return (
        .scalar(
          YamlNode.Scalar(
            text: String(decoding: text, as: UTF8.self), plain: scalar.style == YAML_PLAIN_SCALAR_STYLE)), place
      )
    case YAML_SEQUENCE_START_EVENT:
      try check(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, at: place)
      return (.list, place)
    case YAML_MAPPING_START_EVENT:
      try check(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, at: place)
      return (.map, place)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return (.end, place)
    default: return (.other, place)
    }
  }

  private func check(
    anchor: UnsafeMutablePointer<UInt8>?, tag: UnsafeMutablePointer<UInt8>?, at place: ConfigPlace
  ) throws(ConfigProblem) {
    if anchor != nil { throw refuse(place, "anchors (&name) are not allowed", "Write the value out where it is used") }
    if tag != nil { throw refuse(place, "tags (!name) are not allowed", "Leave the tag out") }
  }

  private func refuse(_ place: ConfigPlace, _ message: String, _ remedy: String?) -> ConfigProblem {
    ConfigProblem(at: place, key: "", message, remedy: remedy)
  }

  private func place(_ mark: yaml_mark_t) -> ConfigPlace {
    ConfigPlace(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  /// libyaml's own words are fixed texts: they never hold any of the file's content.
  private func syntaxProblem() -> ConfigProblem {
    let why = parser.pointee.problem.map { String(cString: $0) } ?? "unknown reason"
    if parser.pointee.error == YAML_READER_ERROR {
      let offset = min(Int(parser.pointee.problem_offset), bytes.count)
      let line = 1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
      return ConfigProblem(
        file: file, line: line, key: "", message: "not text: \(why)", remedy: "Save the file as UTF-8")
    }
    let mark = parser.pointee.problem_mark
    var message = "not valid YAML: \(why)"
    if let context = parser.pointee.context {
      message += " \(String(cString: context)) that begins at line \(Int(parser.pointee.context_mark.line) + 1)"
    }
    let index = Int(mark.index)
    let tab = bytes.indices.contains(index) && bytes[index] == UInt8(ascii: "\t")
    return refuse(place(mark), message, tab ? "Indent with spaces, not with tabs" : nil)
  }
}
