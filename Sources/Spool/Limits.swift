import Core

/// Every number that bounds the state folder, with its reason; all are listed in `docs/state-folder.md`.
extension Limits {
  /// So long must a clock that has jumped stay as it is to be believed.
  static let clockPatience: Duration = .seconds(86_400)

  /// More than this from one look to the next, beyond the time that has passed: the clock has jumped.
  static let clockTolerance: Duration = .seconds(3_600)

  /// How often `clock.json` is written: a clock that jumps while no agent runs is seen to within this.
  static let clockWriting: Duration = .seconds(3_600)

  /// Deaths of the agent with one item in its hands, after which the item is set aside.
  static let enoughCrashes = 2

  /// Items that people let go on and that are remembered in `suspects.json`; of more, the oldest is forgotten.
  static let forgivenKept = 100
}
