#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

// A file's times may be set to any year; what 64 bits of nanoseconds do not hold ends at what they do.
static int64_t ns(struct statx_timestamp t) {
  int64_t whole, sum;
  if (__builtin_mul_overflow((int64_t)t.tv_sec, 1000000000, &whole)) return t.tv_sec < 0 ? INT64_MIN : INT64_MAX;
  return __builtin_add_overflow(whole, (int64_t)t.tv_nsec, &sum) ? INT64_MAX : sum;
}

static int fill(int at, const char *path, int flags, struct cl_info *into) {
  struct statx s;
  if (statx(at, path, flags | AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS | STATX_BTIME, &s) != 0) return -1;
  into->device = makedev(s.stx_dev_major, s.stx_dev_minor);
  into->inode = s.stx_ino;
  into->size = s.stx_size;
  into->links = s.stx_nlink;
  into->mode = s.stx_mode;
  into->owner = s.stx_uid;
  into->group = s.stx_gid;
  into->modified_ns = ns(s.stx_mtime);
  into->changed_ns = ns(s.stx_ctime);
  into->born_ns = (s.stx_mask & STATX_BTIME) ? ns(s.stx_btime) : -1;
  return 0;
}

int cl_info_at(int folder, const char *name, int follow, struct cl_info *into) {
  return fill(folder, name, follow ? 0 : AT_SYMLINK_NOFOLLOW, into);
}

int cl_info_of(int descriptor, struct cl_info *into) { return fill(descriptor, "", AT_EMPTY_PATH, into); }

int cl_rename_exclusive(int from_folder, const char *from, int to_folder, const char *to) {
  return renameat2(from_folder, from, to_folder, to, RENAME_NOREPLACE);
}

static int closing(int descriptor, int result) {
  int why = errno;
  close(descriptor);
  errno = why;
  return result;
}

int cl_open_folder(int folder, const char *name, int flags) {
  int found = openat(folder, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (found >= 0 || errno != ENOTDIR) return found;
  // A link, or no folder at all. What is opened as it is can be looked at, and no exchange of names changes it any more.
  int thing = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (thing < 0) return -1;
  struct stat s;
  if (fstat(thing, &s) != 0) return closing(thing, -1);
  if (!S_ISDIR(s.st_mode)) {
    errno = S_ISLNK(s.st_mode) ? ELOOP : ENOTDIR;
    return closing(thing, -1);
  }
  // Exchanged for a folder meanwhile.
  if (flags & O_PATH) return thing;
  return closing(thing, openat(thing, ".", flags | O_DIRECTORY | O_CLOEXEC));
}

int cl_walk(const char *path, size_t root, struct cl_step *into) {
  char own[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof own) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(own, path, length + 1);
  // The first step takes the way to the root with it.
  char *part = own, *name = own + root + 1;
  int folder = AT_FDCWD;
  for (;;) {
    char *slash = strchr(name, '/');
    if (slash) *slash = 0;
    int next = -1;
    if (strcmp(name, "..") == 0) {
      errno = EINVAL;
    } else if (!slash) {
      into->folder = folder;
      into->name = (size_t)(part - own);
      return 0;
    } else {
      next = cl_open_folder(folder, part, O_PATH);
    }
    if (folder >= 0) closing(folder, 0);
    if (next < 0) return -1;
    folder = next;
    part = name = slash + 1;
  }
}

int cl_space(int folder, const char *name, struct statvfs *into) {
  int thing = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  return thing < 0 ? -1 : closing(thing, fstatvfs(thing, into));
}

int cl_may_write(int folder, const char *name) {
  int thing = cl_open_folder(folder, name, O_PATH);
  return thing < 0 ? -1 : closing(thing, faccessat(thing, ".", W_OK | X_OK, AT_EACCESS));
}

int cl_sync_file_system(int descriptor) { return syncfs(descriptor); }

int cl_await_writes(int descriptor) { return sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE); }

int cl_clone(int from, int to) { return ioctl(to, FICLONE, from); }

ssize_t cl_copy_range(int from, int to, size_t count) { return copy_file_range(from, NULL, to, NULL, count, 0); }

int cl_probe_lease(int descriptor) {
  // A writer that comes while we hold the lease would make the kernel send SIGIO, whose default is to kill us.
  static volatile int ignored = 0;
  if (!ignored) {
    signal(SIGIO, SIG_IGN);
    ignored = 1;
  }
  if (fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) return -1;
  fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return 0;
}

int cl_lock_exclusive(int descriptor) {
  struct flock whole;
  memset(&whole, 0, sizeof whole);
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fcntl(descriptor, F_OFD_SETLK, &whole);
}

int cl_lock_is_held(int descriptor) {
  struct flock whole;
  memset(&whole, 0, sizeof whole);
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(descriptor, F_OFD_GETLK, &whole) != 0) return -1;
  return whole.l_type != F_UNLCK;
}

int cl_secret_file(const void *bytes, size_t count) {
  int file = memfd_create("navette", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return -1;
  for (size_t done = 0; done < count;) {
    ssize_t written = write(file, (const char *)bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      int why = errno;
      close(file);
      errno = why;
      return -1;
    }
    done += (size_t)written;
  }
  fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return file;
}

int cl_event_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void cl_event_raise(int descriptor) { (void)eventfd_write(descriptor, 1); }

void cl_event_clear(int descriptor) {
  eventfd_t count;
  (void)eventfd_read(descriptor, &count);
}

int cl_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

void cl_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

static int signal_pipe[2] = {-1, -1};

int cl_signal_pipe(void) {
  if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC) != 0) return -1;
  // A handler must not block; a pipe that is full holds the same signal already.
  if (fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK) != 0) return -1;
  return signal_pipe[0];
}

static void write_signal(int number) {
  int before = errno;
  unsigned char byte = (unsigned char)number;
  ssize_t ignored = write(signal_pipe[1], &byte, 1);
  (void)ignored;
  errno = before;
}

int cl_catch_signal(int number) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = write_signal;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  return sigaction(number, &action, NULL);
}

int cl_become(uint32_t user, uint32_t group, const char *name) {
  // The groups first: without root's rights they could not be changed any more.
  if (name != NULL ? initgroups(name, group) : setgroups(1, &group)) return -1;
  if (setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0) return -1;
  // Gone with the user already, unless the process was told to keep them.
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  return (int)syscall(SYS_capset, &header, none);
}

// CapEff of proc(5): any process may read it of any other.
int cl_has_lease_capability(int32_t process) {
  char path[32] = "/proc/self/status", line[256];
  if (process > 0) snprintf(path, sizeof path, "/proc/%d/status", (int)process);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  unsigned long long effective = 0;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "CapEff: %llx", &effective) == 1) break;
  }
  fclose(file);
  return (effective >> CAP_LEASE) & 1;
}

void cl_keep_capabilities_to_ourselves(void) {
  // Without it a program that is started has none. The kernel has known it since 4.3.
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Nor is there anything left that it could take; a sandbox may forbid that, and nothing hangs on it.
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) != 0) return;
  sets[0].inheritable = sets[1].inheritable = 0;
  syscall(SYS_capset, &header, sets);
}

int64_t cl_next_data(int descriptor, int64_t offset) { return lseek(descriptor, offset, SEEK_DATA); }

long cl_file_system_type(const char *path) {
  struct statfs s;
  return statfs(path, &s) == 0 ? (long)s.f_type : -1;
}

long cl_file_system_type_of(int descriptor) {
  struct statfs s;
  return fstatfs(descriptor, &s) == 0 ? (long)s.f_type : -1;
}

int cl_datagram_socket(void) {
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  struct timeval patience = {.tv_sec = 1};
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return descriptor;
}

int cl_send_datagram(int socket, const char *name, const void *bytes, size_t count, int passed) {
  struct sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  size_t length = strlen(name);
  if (length == 0 || length >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, name, length);
  // An abstract name has no end of its own: its length is the address's.
  if (name[0] == '@') address.sun_path[0] = 0;
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_name = &address;
  message.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  message.msg_iov = &part;
  message.msg_iovlen = count > 0 ? 1 : 0;
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  if (passed >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

int cl_window_size(int descriptor, uint16_t *columns, uint16_t *rows) {
  struct winsize size;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return -1;
  *columns = size.ws_col;
  *rows = size.ws_row;
  return 0;
}
