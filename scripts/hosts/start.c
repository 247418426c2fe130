// Linked into the program that ships, and into nothing else (scripts/old-hosts): what the C library of this machine does for a program
// when it is linked, and that of an older host leaves to the program.
//
// All of it is hidden: a definition that others could see would stand in for the C library's own, in libcurl as in here.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))

typedef int (*main_call)(int, char **, char **);
typedef void (*plain_call)(void);
typedef void (*set_up_call)(int, char **, char **);

// The linker puts `wrap` between the program's first instruction and the C library (its option --wrap). Up to 2.33 the C library calls
// what it is given here before `main`; since then it finds the list itself, and is given nothing.
extern int __real___libc_start_main(main_call, int, char **, plain_call, plain_call, plain_call, void *);
extern set_up_call __init_array_start[] HIDDEN;
extern set_up_call __init_array_end[] HIDDEN;

static void set_up(int count, char **arguments, char **environment) {
  for (set_up_call *one = __init_array_start; one < __init_array_end; one++) (*one)(count, arguments, environment);
}

HIDDEN int __wrap___libc_start_main(
  main_call run, int count, char **arguments, plain_call init, plain_call end, plain_call unload, void *stack) {
  (void)init;
  return __real___libc_start_main(run, count, arguments, (plain_call)set_up, end, unload, stack);
}

// Since 2.33 these are functions of the C library; before, the compiler put them into each program. The kernel's record is the C library's.
HIDDEN int fstatat(int folder, const char *restrict path, struct stat *restrict into, int flags) {
  return (int)syscall(SYS_newfstatat, folder, path, into, flags);
}
HIDDEN int stat(const char *restrict path, struct stat *restrict into) { return fstatat(AT_FDCWD, path, into, 0); }
HIDDEN int lstat(const char *restrict path, struct stat *restrict into) {
  return fstatat(AT_FDCWD, path, into, AT_SYMLINK_NOFOLLOW);
}
HIDDEN int fstat(int descriptor, struct stat *into) { return (int)syscall(SYS_fstat, descriptor, into); }

// std::__throw_bad_array_new_length(), which came with GCC 11: what is asked for is more than there can be, so it is out of memory.
extern void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((noreturn));
HIDDEN void throw_bad_array_new_length(void) __asm__("_ZSt28__throw_bad_array_new_lengthv");
void throw_bad_array_new_length(void) { throw_bad_alloc(); }
