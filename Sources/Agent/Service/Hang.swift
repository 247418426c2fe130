#if DEBUG
  import Glibc
  import Journal

  /// For the test of the watchdog, in debug builds alone: `NAVETTE_TEST_HANG=/folder` makes a lane hang after a pass for as long
  /// as a file of its name (`inbound`, `outbound`) lies in that folder.
  enum Hang {
    private static let folder = getenv("NAVETTE_TEST_HANG").map { String(cString: $0) }

    static func ifAsked(_ lane: Standing.Lane) {
      guard let folder else { return }
      while access("\(folder)/\(lane)", F_OK) == 0 { usleep(100_000) }
    }
  }
#endif
