public import Config
public import Core
import Formats
import SystemPackage

/// Which names in landing count, and as what.
public struct LandingFilter: Sendable {
  public enum Kind: Sendable { case data, manifest, marker }

  private let include: [Glob]
  private let exclude: [Glob]
  let marker: MarkerTemplate?

  public init(_ settings: FeedSettings) {
    include = settings.include.map { Glob($0) }
    exclude = settings.exclude.map { Glob($0) }
    // The configuration has refused what is no template.
    marker = settings.marker.isEmpty ? nil : try? MarkerTemplate(settings.marker)
  }

  /// Nil: it stays where it is. A manifest is never data, also where nothing waits for it.
  public func kind(of name: FileName) -> Kind? {
    if let marker, marker.isMarker(name) { return .marker }
    if Self.isUnfinished(name) || exclude.contains(where: { $0.matches(name.bytes) }) { return nil }
    if Manifest.isName(name) { return .manifest }
    return include.contains { $0.matches(name.bytes) } ? .data : nil
  }

  func rules(_ settings: FeedSettings, in folder: FilePath) -> Completing.Rules {
    Completing.Rules(
      manifest: settings.manifest, timeout: settings.timeout, marker: marker, numbersParts: settings.parts == .auto,
      isOneExport: Self.isOneExport(folder, settings))
  }

  /// AEP writes each export of a dataset into a folder of its own, called by its time (destinations guide, "export datasets").
  static func isOneExport(_ folder: FilePath, _ settings: FeedSettings) -> Bool {
    settings.parts == .auto && folder.lastComponent?.string.hasPrefix("exportTime=") ?? false
  }

  /// Hidden names, and those that clients and editors give to files they have not finished.
  public static func isUnfinished(_ name: FileName) -> Bool {
    let tilde = UInt8(ascii: "~")
    guard let first = name.bytes.first, let last = name.bytes.last else { return true }
    if first == UInt8(ascii: ".") || first == tilde || last == tilde { return true }
    let tail = name.bytes.suffix(longestSuffix).map { (65...90).contains($0) ? $0 + 32 : $0 }
    return suffixes.contains { tail.suffix($0.count).elementsEqual($0) }
  }

  private static let suffixes = [
    ".part", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", ".writing",
  ].map { Array($0.utf8) }
  private static let longestSuffix = suffixes.map(\.count).max() ?? 0
}
