#ifndef NAVETTE_INHAND_H
#define NAVETTE_INHAND_H
// The file of what is in hand, as it lies on the disk: one life's head, how earlier lives ended, and a slot for each worker. It is mapped
// shared and written by plain stores, so that it outlives the process at no system call an item. Numbers are the machine's own; the file
// never leaves it. docs/decisions/0029 says why.
#include <stddef.h>
#include <stdint.h>

#define CL_AREA_FORMAT 1
#define CL_HANDS 128
#define CL_ENDS 16
#define CL_END_HANDS 4

// What one worker has in hand. `sequence` is odd while it is written; `check` is over all between the two.
struct cl_hand {
  uint32_t owner;  // thread that claimed the slot; 0: free
  uint32_t sequence;
  int64_t since_ns;
  uint8_t lane_kind, step, item_kind, lane_length, store_length, item_length, spare[2];
  char lane[64], store[64], item[96];
  uint64_t check;
};

// What systemd said of the end, through ExecStopPost=.
struct cl_word {
  char invocation[40], result[24], code[16], status[16];
  int64_t at_ns;
  uint64_t check;
};

// The life that has the file now.
struct cl_life {
  char magic[16];
  uint32_t format, hands;
  int32_t pid;
  uint32_t spare;
  int64_t started_ns;
  char boot[40], invocation[40], program[24];
  uint64_t check;
};

// An end that the process could still write down by itself.
struct cl_finish {
  uint32_t state;  // 0: it runs, or ended without a word; 1: ended
  int32_t code;
  int64_t at_ns;
  uint64_t check;
};

// Written by the signal handler.
struct cl_crash {
  uint32_t state;  // 0 none, 1 being written, 2 whole
  int32_t signal, code, sender, slot, thread;
  int64_t at_ns;
};

// How a life ended, as the next one has read it.
struct cl_end {
  uint32_t cause;  // 0 none, 1 stopped, 2 failed, 3 crashed, 4 interrupted
  int32_t code, signal, sender, pid;
  uint32_t in_hand, copied, has_rebooted;
  int64_t started_ns, at_ns;
  char program[24];
  struct cl_word word;
  struct cl_hand hands[CL_END_HANDS];
  uint64_t check;
};

struct cl_area {
  struct cl_life life;
  struct cl_finish finish;
  struct cl_crash crash;
  struct cl_word word;
  int64_t last_ns;  // something was begun then
  char rest[4096 - sizeof(struct cl_life) - sizeof(struct cl_finish) - sizeof(struct cl_crash) - sizeof(struct cl_word) - 8];
  struct cl_end last;            // of the life before
  struct cl_end ends[CL_ENDS];   // of those that were not clean, newest first
  struct cl_hand slots[CL_HANDS];
};

// Sum of `count` bytes, which are a multiple of eight; never 0, so that zeroes are no record.
uint64_t cl_check(const void *_Nonnull bytes, size_t count);

struct cl_hand *_Nonnull cl_area_hand(struct cl_area *_Nonnull area, int32_t slot);
struct cl_end *_Nonnull cl_area_end(struct cl_area *_Nonnull area, int32_t number);

struct cl_text {
  const char *_Nullable bytes;
  size_t count;
};

// Claims a slot and writes what is in hand; texts are cut to their room. - Returns: its number, -1 where none is free.
int32_t cl_hand_claim(
    struct cl_area *_Nonnull area, uint8_t lane_kind, struct cl_text lane, uint8_t step, struct cl_text store,
    uint8_t item_kind, struct cl_text item);
// Any thread may give a slot back; -1 is none.
void cl_hand_release(struct cl_area *_Nonnull area, int32_t slot);
// Whether all of it was written.
int cl_hand_is_whole(const struct cl_hand *_Nonnull hand);

// The slot that the calling thread works for, as a handler sees it; -1: none. - Returns: what it was before.
int32_t cl_seat_take(int32_t slot);
int32_t cl_seat(void);

// The file as memory, all of its blocks allocated: NULL and errno where it is no plain file of ours, or there is no room. `bytes` gets
// what the file held before, at most `room`; `held` how much that was.
struct cl_area *_Nullable cl_area_map(
    const char *_Nonnull path, unsigned mode, void *_Nonnull bytes, size_t room, size_t *_Nonnull held);
// Memory without a file.
struct cl_area *_Nullable cl_area_memory(void);
void cl_area_unmap(struct cl_area *_Nonnull area);
// What is in the area is on the disk on return.
int cl_area_sync(struct cl_area *_Nonnull area);

// From now on SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT and SIGFPE are written into this area (NULL: into none) before they end the
// process, as they would have without it.
void cl_crash_arm(struct cl_area *_Nullable area);
// A stack of its own for the handler, for the calling thread: a stack that is full has no room for it.
void cl_crash_stack(void);
// Blocks all signals for the calling thread but those of a crash: a blocked one would end the process without its handler.
void cl_block_signals(void);
#endif
