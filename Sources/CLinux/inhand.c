#include "inhand.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct cl_hand) == 256, "a slot is four cache lines");
_Static_assert(offsetof(struct cl_area, last) == 4096, "the head is one page");
_Static_assert(sizeof(struct cl_end) % 8 == 0 && sizeof(struct cl_life) % 8 == 0, "sums are over whole words");

uint64_t cl_check(const void *bytes, size_t count) {
  const unsigned char *at = bytes;
  uint64_t sum = 0x9e3779b97f4a7c15u, other = count, word;
  for (; count >= 16; count -= 16, at += 16) {
    memcpy(&word, at, 8);
    sum = (sum ^ word) * 0x100000001b3u;
    memcpy(&word, at + 8, 8);
    other = (other ^ word) * 0x9fb21c651e98df25u;
  }
  if (count >= 8) {
    memcpy(&word, at, 8);
    sum = (sum ^ word) * 0x100000001b3u;
  }
  sum ^= other >> 29 ^ other << 17;
  return sum ? sum : 1;
}

static int64_t wall(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// MARK: Slots

struct cl_hand *cl_area_hand(struct cl_area *area, int32_t slot) { return &area->slots[slot]; }
struct cl_end *cl_area_end(struct cl_area *area, int32_t number) { return &area->ends[number]; }

static const size_t hand_from = offsetof(struct cl_hand, since_ns);
static uint64_t hand_check(const struct cl_hand *hand) {
  return cl_check((const char *)hand + hand_from, offsetof(struct cl_hand, check) - hand_from);
}

static uint8_t put(char *into, size_t room, struct cl_text text) {
  size_t count = text.count < room ? text.count : room;
  if (count > 0) memcpy(into, text.bytes, count);
  memset(into + count, 0, room - count);
  return (uint8_t)count;
}

static _Thread_local int32_t hint, seat_above;  // zero is what new threads have: `seat_above` is one more than the slot
static _Thread_local uint32_t thread_number;

static uint32_t own_number(void) {
  if (thread_number == 0) thread_number = (uint32_t)syscall(SYS_gettid);
  return thread_number;
}

int32_t cl_hand_claim(
    struct cl_area *area, uint8_t lane_kind, struct cl_text lane, uint8_t step, struct cl_text store, uint8_t item_kind,
    struct cl_text item) {
  uint32_t me = own_number();
  for (int32_t tried = 0; tried < CL_HANDS; tried++) {
    int32_t slot = (hint + tried) % CL_HANDS;
    struct cl_hand *hand = &area->slots[slot];
    uint32_t nobody = 0;
    if (__atomic_load_n(&hand->owner, __ATOMIC_RELAXED) != 0) continue;
    if (!__atomic_compare_exchange_n(&hand->owner, &nobody, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) continue;
    hint = slot;
    __atomic_store_n(&hand->sequence, hand->sequence | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    hand->since_ns = wall(CLOCK_REALTIME_COARSE);
    hand->lane_kind = lane_kind;
    hand->step = step;
    hand->item_kind = item_kind;
    hand->lane_length = put(hand->lane, sizeof hand->lane, lane);
    hand->store_length = put(hand->store, sizeof hand->store, store);
    hand->item_length = put(hand->item, sizeof hand->item, item);
    hand->check = hand_check(hand);
    __atomic_store_n(&hand->sequence, hand->sequence + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&area->last_ns, hand->since_ns, __ATOMIC_RELAXED);
    return slot;
  }
  return -1;
}

void cl_hand_release(struct cl_area *area, int32_t slot) {
  if (slot < 0) return;
  struct cl_hand *hand = &area->slots[slot];
  // Whoever claims it next must not be taken for one who works on this.
  __atomic_store_n(&hand->sequence, hand->sequence | 1, __ATOMIC_RELAXED);
  __atomic_store_n(&hand->owner, 0, __ATOMIC_RELEASE);
}

int cl_hand_is_whole(const struct cl_hand *hand) {
  return hand->sequence != 0 && hand->sequence % 2 == 0 && hand->lane_length <= sizeof hand->lane &&
         hand->store_length <= sizeof hand->store && hand->item_length <= sizeof hand->item &&
         hand->check == hand_check(hand);
}

int32_t cl_seat(void) { return seat_above - 1; }

int32_t cl_seat_take(int32_t slot) {
  int32_t before = seat_above - 1;
  seat_above = slot + 1;
  return before;
}

// MARK: The file

struct cl_area *cl_area_map(const char *path, unsigned mode, void *bytes, size_t room, size_t *held) {
  *held = 0;
  // Nothing is followed or waited for: whatever lies there may not be ours.
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
  if (file < 0) return NULL;
  struct stat info;
  void *area = MAP_FAILED;
  int why = fstat(file, &info) != 0 ? errno : 0;
  if (why == 0 && (!S_ISREG(info.st_mode) || info.st_nlink != 1)) why = EINVAL;
  if (why == 0) {
    ssize_t count = pread(file, bytes, room, 0);
    if (count < 0) why = errno; else *held = (size_t)count;
  }
  if (why == 0 && info.st_size > (off_t)sizeof(struct cl_area) && ftruncate(file, sizeof(struct cl_area)) != 0) why = errno;
  // With all blocks there, no later store can meet a full disk.
  if (why == 0) why = posix_fallocate(file, 0, sizeof(struct cl_area));
  if (why == 0) {
    area = mmap(NULL, sizeof(struct cl_area), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (area == MAP_FAILED) why = errno;
  }
  close(file);
  errno = why;
  return area == MAP_FAILED ? NULL : area;
}

struct cl_area *cl_area_memory(void) {
  void *area =
      mmap(NULL, sizeof(struct cl_area), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return area == MAP_FAILED ? NULL : area;
}

void cl_area_unmap(struct cl_area *area) { munmap(area, sizeof *area); }

int cl_area_sync(struct cl_area *area) { return msync(area, sizeof *area, MS_SYNC); }

// MARK: The handler

static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE};
enum { deadly_count = sizeof deadly / sizeof *deadly };
static struct cl_area *armed;
static struct sigaction before[deadly_count];

static void note(struct cl_area *area, int number, const siginfo_t *info) {
  struct cl_crash *crash = &area->crash;
  uint32_t none = 0;
  if (!__atomic_compare_exchange_n(&crash->state, &none, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    // Another thread was first, and is about to end us both.
    struct timespec moment = {.tv_nsec = 100000000};
    nanosleep(&moment, NULL);
    return;
  }
  // What the kernel found, or what we sent to ourselves (abort); else somebody sent it, and it hit whom it hit.
  int is_ours = info->si_code > 0 || info->si_pid == getpid();
  crash->signal = number;
  crash->code = info->si_code;
  crash->sender = is_ours ? 0 : info->si_pid;
  crash->slot = is_ours ? seat_above - 1 : -1;
  crash->thread = (int32_t)syscall(SYS_gettid);
  crash->at_ns = wall(CLOCK_REALTIME);
  __atomic_store_n(&crash->state, 2, __ATOMIC_RELEASE);
}

// Only what may be called in a handler (signal-safety(7)), and mmap, which is nothing but a system call.
static void on_crash(int number, siginfo_t *info, void *context) {
  (void)context;
  int saved = errno;
  struct cl_area *area = __atomic_load_n(&armed, __ATOMIC_ACQUIRE);
  uintptr_t from = (uintptr_t)area, at = (uintptr_t)info->si_addr;
  if (number == SIGBUS && info->si_code > 0 && area && at >= from && at < from + sizeof *area) {
    // Somebody cut the file, or its disk failed. It is gone; we are not: memory takes its place.
    void *memory = mmap(area, sizeof *area, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (memory == (void *)area) {
      errno = saved;
      return;
    }
  } else if (area) {
    note(area, number, info);
  }
  // As if this handler had never been. It comes when we return, since until then it is blocked.
  for (int i = 0; i < deadly_count; i++)
    if (deadly[i] == number) sigaction(number, &before[i], NULL);
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
  errno = saved;
}

static void deadly_set(sigset_t *set) {
  sigemptyset(set);
  for (int i = 0; i < deadly_count; i++) sigaddset(set, deadly[i]);
}

void cl_crash_arm(struct cl_area *area) {
  int is_first = __atomic_exchange_n(&armed, area, __ATOMIC_ACQ_REL) == NULL;
  if (area == NULL) {
    for (int i = 0; !is_first && i < deadly_count; i++) sigaction(deadly[i], &before[i], NULL);
    return;
  }
  if (!is_first) return;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  // A fault in the handler ends the process at once, by that signal.
  deadly_set(&action.sa_mask);
  for (int i = 0; i < deadly_count; i++) sigaction(deadly[i], &action, &before[i]);
  pthread_sigmask(SIG_UNBLOCK, &action.sa_mask, NULL);
  cl_crash_stack();
}

void cl_crash_stack(void) {
  // Part of the thread's own memory, so that it goes with it; touched by nobody but the handler. Larger than any processor's state.
  static _Thread_local char room[32 << 10] __attribute__((aligned(16)));
  stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
  sigaltstack(&stack, NULL);
}

void cl_block_signals(void) {
  sigset_t others;
  sigfillset(&others);
  for (int i = 0; i < deadly_count; i++) sigdelset(&others, deadly[i]);
  pthread_sigmask(SIG_SETMASK, &others, NULL);
}
