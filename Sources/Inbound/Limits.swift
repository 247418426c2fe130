import Core

/// What bounds the work of a feed, with the reasons. What several modules share is in `Core`.
extension Limits {
  // MARK: A pass

  /// Drops that are worked on together: few barriers for many drops, and a bound for memory.
  static let dropsTogether = 512
  /// A watch can lose events, and some folders cannot be watched at all.
  static let feedRescan: Duration = .seconds(60)
  /// Where no event comes at all.
  static let feedPoll: Duration = .seconds(5)
  /// A feed that cannot go on tries it again after one second, then twice as much each time, up to this: whoever mends a disk waits.
  static let feedPause: Duration = .seconds(15)

  // MARK: Landing

  /// How long a file may keep coming, or refuse to be read, before people hear of it.
  static let patience: Duration = .seconds(60)
  /// What is ours and still written is looked at no sooner: its writer has it open.
  static let writtenPause: Duration = .seconds(1)
  /// Of a name without a date: a larger number at its end is one of its own. So many parts have half a billion rows.
  static let lastUndatedPart = 99
  /// A part of `rowsPerPart` rows: each has two bytes at least.
  static let fullPartBytes: UInt64 = 2 * 5_000_000
  /// The same packed: gzip makes at best 1,032 of one byte.
  static let fullPackedPartBytes: UInt64 = 9_090
  /// A manifest's files may have come so long before the time that it tells: clocks differ.
  static let manifestMargin: Duration = .seconds(600)

  // MARK: What was taken and may still be written

  /// A file is kept open for so long after it was taken: an upload that has paused goes on within minutes, or begins anew.
  static let takenTime: Duration = .seconds(600)
  /// So many of them over all feeds: each costs a descriptor.
  static let takenFiles = 256
  /// Of bytes that nothing else keeps any more, over all feeds: they are missing where uploads go.
  static let takenBytes: UInt64 = 1 << 30
  /// And so much, one part of so many, of what is free there.
  static let takenShare: UInt64 = 4
  /// The first look at it; each later one comes after twice the time, so that ten minutes take seven.
  static let takenFirstLook: Duration = .seconds(10)

  /// The first line of a sample: thousands of columns.
  static let sampleHeaderBytes = 64 * 1024

  // MARK: Hand-over and what is kept

  /// Entries of a list of bad rows that are read at a time.
  static let rejectsRead = 4_096

  /// A name that is taken is looked at so often: its consumer takes the file when it will.
  static let namePause: Duration = .seconds(10)
  /// How often it is looked at what has been kept for long enough: it is kept for days.
  static let sweepInterval: Duration = .seconds(3_600)
  /// The same while the clock is not trusted yet.
  static let clockPause: Duration = .seconds(600)
  /// What is younger is kept although the archive is too large: a person may be looking at it.
  static let youngest: Duration = .seconds(86_400)

  // MARK: Drops that are due

  /// Where the feed cannot be looked at (a landing folder that is not mounted yet), so long nothing is concluded from it.
  static let blindness: Duration = .seconds(60)
  /// Clocks that differ by more since the last pass: one was set, or the machine slept.
  static let clockJump: Duration = .seconds(60)
  /// A drop that comes so long before its due time counts for it in any case.
  static let dueLead: Duration = .seconds(12 * 3_600)
  /// One that comes even longer before than this is early.
  static let dueEarly: Duration = .seconds(6 * 3_600)
  /// Older due times help nobody: after a long stop, what is told is bounded.
  static let dueLookBack: Duration = .seconds(32 * 86_400)
  /// The furthest ahead that a due time can be met, and then some: what is settled beyond that was settled by a clock that was wrong.
  static let dueLookAhead: Duration = .seconds(28 * 3_600)
  /// Clocks are set by less than this all the time, and nothing is told again for it.
  static let dueSlack: Duration = .seconds(3_600)

  // MARK: Programs and the host's databases

  /// A socket's name may have 107 bytes, and gpg-agent's have twenty behind the home.
  static let gpgHomeBytes = 86
  /// Longer lines of GnuPG's status say nothing that counts here.
  static let gpgLineBytes = 4_096
  /// Keys that a message is encrypted to and that people are told of.
  static let gpgRecipients = 100
  /// So long, in milliseconds, a feed waits for a program of GnuPG at its worker's place; then others may have that.
  static let gpgFirstLook: Int32 = 20
  /// One look at a program of GnuPG that neither reads nor writes, in milliseconds.
  static let gpgLook: Int32 = 500
  /// So many of them without a byte: it hangs.
  static let gpgLooks = 120
  /// The same where its agent is told to end: nothing is lost where it does not.
  static let gpgCloseLooks = 10
  /// A GnuPG that hangs is tried again after this, then after twice as long each time.
  static let gpgRest: Duration = .seconds(120)
  /// No later.
  static let gpgLongestRest: Duration = .seconds(1_800)
  /// A user's or group's record: most fit into it, and four times as much is tried where one does not.
  static let accountBytes = 4_096
  /// A group of thousands of members needs much room, and this bounds it.
  static let largestAccountBytes = 1 << 20
}
