private import Glibc

/// The one place that reads the clocks; everything else is told the time.
public enum SystemClock {
  public static func now() -> Moment { Moment(wall: wall(), uptime: uptime()) }

  /// Within the years that can be written down and read again.
  public static func wall() -> Timestamp {
    min(max(Timestamp(nanoseconds: read(CLOCK_REALTIME)), Timestamp.first), Timestamp.last)
  }

  /// Since some moment before the process began; never jumps. Stands still while the machine sleeps, as a file's writer does.
  public static func uptime() -> Duration { .nanoseconds(read(CLOCK_MONOTONIC)) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    let answer = clock_gettime(clock, &time)
    precondition(answer == 0, "every kernel has these clocks")
    return Int64(time.tv_sec) *| 1_000_000_000 +| Int64(time.tv_nsec)
  }
}
