// Loaded before the C library: the file NAVETTE_TEST_VANISH can be opened once; from then on it is gone for as long as a file of its name
// and `.gone` lies beside it. So it vanishes between a check and its use.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int opened;

static int is_gone(const char *path) {
  const char *wanted = getenv("NAVETTE_TEST_VANISH");
  char mark[512];
  if (!wanted || strcmp(path, wanted) || atomic_fetch_add(&opened, 1) == 0) return 0;
  snprintf(mark, sizeof mark, "%s.gone", wanted);
  return access(mark, F_OK) == 0;
}

#define OPEN(name, head, tail)                                                     \
  int name(head const char *path, int flags, ...) {                                \
    static int (*next)(head const char *, int, ...);                               \
    if (!next) next = (int (*)(head const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list rest;                                                                  \
    va_start(rest, flags);                                                         \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;        \
    va_end(rest);                                                                  \
    if (is_gone(path)) return errno = ENOENT, -1;                                  \
    return next(tail path, flags, mode);                                           \
  }

#define NONE
#define FOLDER int folder,
#define COMMA folder,
OPEN(open, NONE, NONE)
OPEN(open64, NONE, NONE)
OPEN(openat, FOLDER, COMMA)
OPEN(openat64, FOLDER, COMMA)
