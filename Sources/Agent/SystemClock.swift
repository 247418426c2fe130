public import Core
import Glibc

/// The only place that asks what time it is.
public enum SystemClock {
  public static func now() -> Moment {
    Moment(wall: Timestamp(nanoseconds: read(CLOCK_REALTIME)), uptime: .nanoseconds(read(CLOCK_MONOTONIC)))
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
