import CLinux
public import Config
import Core
import Files

/// By what a feed knows that a file is whole: the kernel tells whether anybody has it open for writing (a lease, fcntl(2)), of other users'
/// files only to whoever has the capability CAP_LEASE, and only on disks of this machine. Elsewhere a longer silence must do.
public struct CompletenessTest: Hashable, Sendable {
  private let settle: FeedSettings.Settle
  /// Why the kernel's answer cannot be had; nil: it can.
  private let obstacle: String?

  /// - Parameter mayAsk: whether the agent has CAP_LEASE.
  public init(_ settings: FeedSettings, mayAsk: Bool) {
    settle = settings.settle
    if let fileSystem = FileSystem.type(at: settings.landing), fileSystem.isRemote {
      obstacle = "landing is on \(fileSystem.name), whose other machines' writers this one does not know"
    } else {
      obstacle = mayAsk ? nil : "without CAP_LEASE the kernel does not say it of other users' files"
    }
  }

  /// Of this process; or of another one, by its number, where that can be read.
  public static func mayAsk(_ pid: Int32? = nil) -> Bool { cl_has_lease_capability(pid ?? 0) != 0 }

  /// Follows "a file is whole when".
  public var words: String {
    guard let obstacle else {
      return "nobody has it open for writing and it has been at rest for \(text(settle.answered))"
    }
    return "it has been at rest for \(text(settle.unanswered)); who writes it cannot be asked: \(obstacle)"
  }

  /// Somebody has set a shorter time than is safe without an answer.
  public var warning: String? {
    guard obstacle != nil, settle.unanswered < FeedSettings.Settle.auto.unanswered else { return nil }
    return
      "an upload that pauses for \(text(settle.unanswered)) is handed over in part: write settle: auto, or have senders upload under another name and rename"
  }

  private func text(_ duration: Duration) -> String { Quantities.text(duration) }
}
