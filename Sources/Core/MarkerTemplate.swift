/// The name of the file that says of another one that it is complete: `{name}.done`.
public struct MarkerTemplate: Sendable {
  public enum Placeholder: String, CaseIterable, Hashable, Sendable { case name, stem, ext }

  private let template: Template<Placeholder>
  private let shape: Glob

  /// - Throws: where it does not name the file it stands for, or could be that file's own name.
  public init(_ text: String) throws(TemplateComplaint) {
    template = try Template(text)
    guard template.holds(.name) || template.holds(.stem) else {
      throw TemplateComplaint("neither {name} nor {stem}, so that one marker would stand for every file")
    }
    let fixed = template.pieces.compactMap { if case .text(let text) = $0 { text } else { nil } }.joined()
    guard fixed.utf8.contains(where: { $0 != UInt8(ascii: ".") }) else {
      throw TemplateComplaint("nothing that a file's own name does not have")
    }
    guard !fixed.utf8.contains(UInt8(ascii: "/")) else { throw TemplateComplaint("a slash") }
    shape = Glob(
      template.pieces.map { piece in
        switch piece {
        case .text(let text): text.map { "*?[\\".contains($0) ? "\\\($0)" : "\($0)" }.joined()
        case .value: "*"
        }
      }.joined())
  }

  public func marker(of name: FileName) -> FileName {
    let (stem, ext) = NameTemplate.split(name.bytes)
    var bytes: [UInt8] = []
    for piece in template.pieces {
      switch piece {
      case .text(let text): bytes += text.utf8
      case .value(.name): bytes += name.bytes
      case .value(.stem): bytes += stem
      case .value(.ext): bytes += ext ?? []
      }
    }
    return FileName(bytes: bytes)
  }

  /// Whether a file of that name is a marker, whatever it stands for.
  public func isMarker(_ name: FileName) -> Bool { shape.matches(name.bytes) }
}
