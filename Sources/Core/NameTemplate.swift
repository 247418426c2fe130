/// How a file is named in the hand-over folder: `{name}`, or `{feed}_{utc}_{stem}.{ext}`.
///
/// `{stem}` and `{ext}` are the name before and behind its last dot; a first dot belongs to the stem. Where a name has
/// no extension, a dot that stands right before `{ext}` is left out. `{folder}` is the folder below landing in which the file was found,
/// `vip_2026` for `vip/2026`; where that is landing itself, a hyphen, underscore or dot beside it is left out.
public struct NameTemplate: Sendable {
  public enum Placeholder: String, CaseIterable, Hashable, Sendable { case name, stem, ext, feed, drop, utc, folder }

  private let template: Template<Placeholder>

  public init(_ text: String) throws(TemplateComplaint) {
    template = try Template(text)
    if template.pieces.isEmpty { throw TemplateComplaint("nothing") }
    for case .text(let text) in template.pieces {
      if text.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) {
        throw TemplateComplaint("a slash or NUL, which no file name can have")
      }
    }
    // A name's own dot is the sender's choice; one from the template would hide every file from the consumer.
    if case .text(let text)? = template.pieces.first, text.hasPrefix(".") {
      throw TemplateComplaint("a leading dot, which would hide the file")
    }
  }

  /// - Parameter folders: below landing, the outermost first; empty: landing itself.
  /// - Throws: where the result is no name of one component, of at most 255 bytes, or would be hidden while `name` is
  ///   not.
  public func render(
    name: FileName, folders: [FileName] = [], feed: FeedName, drop: DropID, at time: Timestamp
  ) throws(TemplateComplaint) -> FileName {
    let (stem, ext) = Self.split(name.bytes)
    var bytes: [UInt8] = []
    var isBehindNothing = false
    var endsInText = false
    for piece in template.pieces {
      defer {
        if case .text = piece { endsInText = true } else { endsInText = false }
        if case .value(.folder) = piece {} else { isBehindNothing = false }
      }
      switch piece {
      case .text(let text):
        let isSpare = isBehindNothing && text.utf8.first.map(Self.separators.contains) == true
        bytes += text.utf8.dropFirst(isSpare ? 1 : 0)
      case .value(.folder) where folders.isEmpty:
        isBehindNothing = true
        if endsInText, let last = bytes.last, Self.separators.contains(last) {
          bytes.removeLast()
          isBehindNothing = false
        }
      case .value(.folder): bytes += folders.map(\.bytes).joined(separator: [UInt8(ascii: "_")])
      case .value(.name): bytes += name.bytes
      case .value(.stem): bytes += stem
      case .value(.ext):
        if let ext {
          bytes += ext
        } else if bytes.last == UInt8(ascii: ".") {
          bytes.removeLast()
        }
      case .value(.feed): bytes += feed.text.utf8
      case .value(.drop): bytes += drop.description.utf8
      case .value(.utc): bytes += time.compact.utf8
      }
    }
    let dot = UInt8(ascii: ".")
    if bytes.isEmpty { throw TemplateComplaint("an empty name") }
    if bytes == [dot] || bytes == [dot, dot] { throw TemplateComplaint("a name of dots alone") }
    if bytes.count > Limits.nameBytes { throw TemplateComplaint("a name longer than \(Limits.nameBytes) bytes") }
    if bytes.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) {
      throw TemplateComplaint("a slash or NUL in the name")
    }
    if bytes.first == dot, name.bytes.first != dot {
      throw TemplateComplaint("a leading dot, which would hide the file")
    }
    return FileName(bytes: bytes)
  }

  private static let separators = Array("-_.".utf8)

  /// By bytes: a name need not be text.
  static func split(_ name: [UInt8]) -> (stem: ArraySlice<UInt8>, ext: ArraySlice<UInt8>?) {
    guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return (name[...], nil) }
    return (name[..<dot], name[(dot + 1)...])
  }
}
