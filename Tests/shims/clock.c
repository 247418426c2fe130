// Loaded before the C library: the wall clock is ahead by NAVETTE_TEST_CLOCK seconds; the other clocks are as they are.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *into) {
  static int (*next)(clockid_t, struct timespec *);
  if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int answer = next(clock, into);
  const char *ahead = getenv("NAVETTE_TEST_CLOCK");
  if (answer == 0 && clock == CLOCK_REALTIME && ahead) into->tv_sec += atoll(ahead);
  return answer;
}
