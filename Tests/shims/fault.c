// Loaded before the C library: a real fault where the program reads a file whose path fits NAVETTE_TEST_FAULT (a pattern of fnmatch(3)),
// or, where that is `connect`, where it goes to a server. NAVETTE_TEST_FAULT_KIND says which. The program has no hook for this.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile int sink;

// Never returns: the stack comes to its end first.
__attribute__((noinline)) static int deep(int depth) {
  volatile char room[4096];
  room[depth % sizeof room] = 1;
  return deep(depth + 1) + room[0];
}

static void fault(void) {
  const char *kind = getenv("NAVETTE_TEST_FAULT_KIND");
  if (!kind || !strcmp(kind, "segv")) *(volatile int *)8 = 1;
  if (!strcmp(kind, "ill")) __builtin_trap();
  if (!strcmp(kind, "abort")) abort();
  if (!strcmp(kind, "trap")) raise(SIGTRAP);
  if (!strcmp(kind, "fpe")) raise(SIGFPE);
  if (!strcmp(kind, "bus")) {
    FILE *file = tmpfile();
    *(volatile char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0) = 1;
  }
  if (!strcmp(kind, "stack")) sink = deep(0);
  // Ended by nobody but a SIGKILL: somewhere in the middle of an item.
  if (!strcmp(kind, "hang")) for (;;) pause();
}

static void look(int file) {
  const char *wanted = getenv("NAVETTE_TEST_FAULT");
  if (!wanted) return;
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t count = readlink(link, path, sizeof path - 1);
  if (count < 0) return;
  path[count] = 0;
  if (fnmatch(wanted, path, 0) == 0) fault();
}

ssize_t read(int file, void *into, size_t count) {
  static ssize_t (*next)(int, void *, size_t);
  if (!next) next = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
  look(file);
  return next(file, into, count);
}

ssize_t pread(int file, void *into, size_t count, off_t at) {
  static ssize_t (*next)(int, void *, size_t, off_t);
  if (!next) next = (ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");
  look(file);
  return next(file, into, count, at);
}

ssize_t pread64(int file, void *into, size_t count, off_t at) { return pread(file, into, count, at); }

int connect(int socket, const struct sockaddr *address, socklen_t size) {
  static int (*next)(int, const struct sockaddr *, socklen_t);
  if (!next) next = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
  const char *wanted = getenv("NAVETTE_TEST_FAULT");
  if (wanted && !strcmp(wanted, "connect") && address->sa_family == AF_INET) fault();
  return next(socket, address, size);
}
