import Core
import SystemPackage

/// Replaces `${NAME}`, `${credential:NAME}` and `${file:/path}` in the values of a tree. `$${` stands for `${`. What was put
/// in is not looked at again, and no error shows it.
struct Expansion {
  let environment: [String: String]
  let source: ConfigSource
  let secrets: ConfigReader.Secrets
  let walk: Walk

  func expand(_ node: YamlNode, path: String = "") -> YamlNode {
    var node = node
    switch node.value {
    case .scalar(let scalar) where scalar.text.contains("${"):
      do throws(Refusal) {
        node.value = .scalar(try expand(scalar))
      } catch {
        let problem = ConfigProblem(at: node.place, key: path, error.message, remedy: error.remedy)
        if secrets.mayLack(error.lack) {
          node.value = .absent(problem)
        } else {
          walk.report(problem)
          node.value = .broken
        }
      }
    case .list(let items):
      node.value = .list(items.enumerated().map { expand($1, path: "\(path)[\($0)]") })
    case .map(let entries):
      node.value = .map(
        entries.map { entry in
          var entry = entry
          entry.value = expand(entry.value, path: KeyText.path(path, entry.key))
          return entry
        })
    case .scalar, .broken, .absent: break
    }
    return node
  }

  private struct Refusal: Error {
    let message: String
    var remedy: String?
    var lack: Lack?
  }

  /// Why a value is not there although the text that asks for it is right.
  enum Lack {
    /// systemd gives credentials to the service alone, and this is not it.
    case outsideOfTheService
    case other
  }

  private func expand(_ scalar: YamlNode.Scalar) throws(Refusal) -> YamlNode.Scalar {
    var result = YamlNode.Scalar(text: "", plain: scalar.plain)
    var rest = scalar.text[...]
    while let open = rest.firstRange(of: "${") {
      result.text += rest[..<open.lowerBound]
      rest = rest[open.upperBound...]
      if result.text.hasSuffix("$") {
        result.text += "{"
        continue
      }
      guard let close = rest.firstIndex(of: "}") else {
        throw Refusal(message: "a ${ is not closed", remedy: "Write $${ for a ${ that means itself")
      }
      result.text += try value(of: rest[..<close])
      result.expanded = true
      rest = rest[rest.index(after: close)...]
    }
    result.text += rest
    return result
  }

  private func value(of reference: Substring) throws(Refusal) -> String {
    if reference.hasPrefix("credential:") { return try credential(String(reference.dropFirst("credential:".count))) }
    if reference.hasPrefix("file:") {
      guard let path = Text.absolutePath(String(reference.dropFirst("file:".count))) else {
        throw Refusal(message: "expected ${file:/path} with an absolute path without . or ..")
      }
      return try content(path, "the file \(path)", remedy: nil)
    }
    let name = String(reference)
    guard let first = name.utf8.first, !(48...57).contains(first),
      name.utf8.allSatisfy({ Text.isNameByte($0) && $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "-") })
    else { throw Refusal(message: "expected ${NAME}, ${credential:NAME} or ${file:/path}") }
    guard let value = environment[name] else {
      throw Refusal(
        message: "the environment has no \(KeyText.safe(name))",
        remedy: "Set it, for a service with Environment= or EnvironmentFile=", lack: .other)
    }
    return value
  }

  private func credential(_ name: String) throws(Refusal) -> String {
    guard (1...255).contains(name.utf8.count), name != ".", name != "..", name.utf8.allSatisfy(Text.isNameByte) else {
      throw Refusal(message: "expected ${credential:NAME} with a name of A-Z a-z 0-9 . _ -")
    }
    let advice = "Give it to the service with LoadCredential=\(name):/path, or write ${file:/path}"
    guard let folder = environment["CREDENTIALS_DIRECTORY"], let path = Text.absolutePath(folder) else {
      throw Refusal(
        message: "the credential \(name) cannot be read: $CREDENTIALS_DIRECTORY is not set", remedy: advice,
        lack: .outsideOfTheService)
    }
    return try content(path.appending(name), "the credential \(name)", remedy: advice)
  }

  private func content(_ path: FilePath, _ what: String, remedy: String?) throws(Refusal) -> String {
    var bytes: [UInt8]
    do throws(FileFault) {
      bytes = try source.read(path, Limits.secretBytes)
    } catch {
      throw Refusal(message: "\(what) cannot be read: \(error.why)", remedy: remedy, lack: .other)
    }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw Refusal(message: "\(what) does not hold text")
    }
    return text
  }
}
