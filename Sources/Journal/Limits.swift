public import Core

/// Every number that bounds what is told, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// What a long step gets from systemd on top, each time that it was seen to get on.
  static let taskExtra: Duration = .seconds(60)

  /// Repeats of one fault in this time are told as one line with a count.
  public static let foldingWindow: Duration = .seconds(60)

  /// Faults that are folded at a time; of more, the oldest is told.
  static let foldedFaults = 256

  /// So long a line waits for a reader of standard error that does not read; then it is lost rather than the agent.
  public static let linePatience: Duration = .seconds(1)
}
