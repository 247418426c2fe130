public import Core

/// Every number that bounds what commands ask, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// So long a command waits for the answer of the agent, which may be in the middle of a long step.
  public static let answerPatience: Duration = .seconds(20)

  /// How often a command looks for the answer: a person does not notice it.
  static let answerLook: Duration = .milliseconds(50)

  /// After so long nobody waits for an answer any more, and it is removed.
  static let answerLife: Duration = .seconds(600)

  /// A request file is a few hundred bytes; anything larger is not one of ours.
  static let requestBytes = 64 * 1024
}
