#ifndef NAVETTE_CLINUX_H
#define NAVETTE_CLINUX_H
// Kernel calls that glibc hides behind _GNU_SOURCE or that are variadic: real functions, so that Swift can see them.
// Each returns -1 and sets errno, like the call that it wraps.
#include <stdint.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "inhand.h"

struct cl_info {
  uint64_t device, inode, size, links;
  uint32_t mode, owner, group;
  int64_t modified_ns, changed_ns, born_ns;  // born_ns: -1 where the file system does not tell
};

// Where the last step of a path is done.
struct cl_step {
  int folder;   // open, or AT_FDCWD
  size_t name;  // where in the path the rest begins
};

// follow: 0 describes a symbolic link itself, 1 what it points to.
int cl_info_at(int folder, const char *name, int follow, struct cl_info *into);
int cl_info_of(int descriptor, struct cl_info *into);
// Never replaces: EEXIST where the target is there.
int cl_rename_exclusive(int from_folder, const char *from, int to_folder, const char *to);
// A folder that is no link: ELOOP where it is one, ENOTDIR where it is something else.
int cl_open_folder(int folder, const char *name, int flags);
// The folder that holds the last component of an absolute path: each one below the path's first `root` bytes is opened from the one above
// it, and none is a link. AT_FDCWD and the whole path where nothing lies between: the kernel's own way is as good then.
int cl_walk(const char *path, size_t root, struct cl_step *into);
// Of the file system of the thing itself.
int cl_space(int folder, const char *name, struct statvfs *into);
// Whether we may make and remove names in the folder, which is no link: 0 yes, EACCES no, ELOOP it is one.
int cl_may_write(int folder, const char *name);
int cl_sync_file_system(int descriptor);
// Waits for writes under way and reports those that failed; starts none and flushes nothing.
int cl_await_writes(int descriptor);
// Shares the blocks of `from` with `to`: EOPNOTSUPP, EXDEV or EINVAL where it can't.
int cl_clone(int from, int to);
ssize_t cl_copy_range(int from, int to, size_t count);
// Takes and gives back a read lease: 0 nobody has the file open for writing, EAGAIN somebody has, EACCES not ours to ask.
// Whether the process (0: this one) may take leases on files of other users: CAP_LEASE.
int cl_has_lease_capability(int32_t process);
// What we may do by capabilities, programs that we start may not. To be called before the first thread begins.
int cl_keep_capabilities_to_ourselves(void);
int cl_probe_lease(int descriptor);
int cl_lock_exclusive(int descriptor);  // open file description lock on the whole file; EAGAIN where another holds it
// Whether another open file description holds that lock: 1 yes, 0 no.
int cl_lock_is_held(int descriptor);
// A file in memory with these bytes, sealed, without a name: /proc/self/fd/N is its path. Gone with the process at the latest.
int cl_secret_file(const void *bytes, size_t count);
// A counter that poll(2) sees once it is written to.
int cl_event_descriptor(void);
// Makes it ready to be read, and no longer. Never blocks.
void cl_event_raise(int descriptor);
void cl_event_clear(int descriptor);
// Both ends closed on exec from the first moment on.
int cl_pipe(int ends[2]);
// Names the calling thread; at most 15 bytes.
void cl_name_thread(const char *name);
// The read end of the pipe into which caught signals are written, one byte each; made once.
int cl_signal_pipe(void);
// From now on this signal goes into the pipe. Calls that it interrupts are restarted.
int cl_catch_signal(int number);
// A socket for single messages to local services; a send waits a second at most.
int cl_datagram_socket(void);
// One message to the socket of that name (a leading @ is the abstract namespace), and with it a descriptor where `passed` is not -1.
int cl_send_datagram(int socket, const char *name, const void *bytes, size_t count, int passed);
// For good: this user and group, real, effective and saved, with the groups of that name (NULL: no other), and no capability.
int cl_become(uint32_t user, uint32_t group, const char *name);
// The first offset from there on at which bytes lie on the disk; ENXIO: none do.
int64_t cl_next_data(int descriptor, int64_t offset);
long cl_file_system_type(const char *path);
long cl_file_system_type_of(int descriptor);
// Of the terminal, in characters.
int cl_window_size(int descriptor, uint16_t *columns, uint16_t *rows);
#endif
