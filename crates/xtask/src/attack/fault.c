// Lets one call of one kind fail: the FAULT_NTH of FAULT_KIND in the program FAULT_PROGRAM, with the error FAULT_ERRNO.
// With the error 0 the program is killed instead. If FAULT_NTH is negative, all later calls of the kind fail as well.
// The calls are counted in the file FAULT_COUNT, which forked copies share: the number of failures, the number of calls of
// each kind, and what the call that failed was about. In any other program this does nothing; what the program starts is
// let alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, WRITE, READ, MMAP, RENAME, MAKE, PIPE, FORK, EXEC, THREAD, FCNTL, SYNC, KINDS };

struct shared {
  _Atomic long failures, calls[KINDS];
  char about[256];
};

static struct shared *shared;
static enum kind kind;
static long nth;
static int error;

__attribute__((constructor)) static void begin(void) {
  const char *program = getenv("FAULT_PROGRAM"), *wanted = getenv("FAULT_KIND");
  const char *number = getenv("FAULT_NTH"), *code = getenv("FAULT_ERRNO"), *path = getenv("FAULT_COUNT");
  if (!program || !wanted || !number || !code || !path) return;
  if (strcmp(program_invocation_short_name, program) != 0) return;
  kind = (enum kind)atoi(wanted);
  nth = atol(number);
  error = atoi(code);
  // Not by the functions below.
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (file < 0) return;
  void *place = (void *)syscall(SYS_mmap, 0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (place != MAP_FAILED) shared = place;
  const char *ours[] = {"LD_PRELOAD", "FAULT_PROGRAM", "FAULT_KIND", "FAULT_NTH", "FAULT_ERRNO", "FAULT_COUNT"};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) unsetenv(ours[i]);
}

// Whether this call of the kind has to fail.
static int fails(enum kind called, const char *about) {
  if (!shared) return 0;
  long call = atomic_fetch_add(&shared->calls[called], 1) + 1;
  if (called != kind || (nth < 0 ? call < -nth : call != nth)) return 0;
  atomic_fetch_add(&shared->failures, 1);
  snprintf(shared->about, sizeof shared->about, "%s", about ? about : "");
  if (error == 0) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  errno = error;
  return 1;
}

// What a descriptor is.
static const char *named(int fd) {
  if (!shared) return "";
  static __thread char name[256];
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long length = syscall(SYS_readlink, link, name, sizeof name - 1);
  name[length > 0 ? length : 0] = 0;
  return name;
}

#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

#define OPEN(function)                                                       \
  int function(const char *path, int flags, ...) {                          \
    va_list rest;                                                            \
    va_start(rest, flags);                                                   \
    mode_t mode = va_arg(rest, mode_t);                                      \
    va_end(rest);                                                            \
    return fails(OPEN, path) ? -1 : NEXT(function)(path, flags, mode);     \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(function)                                                          \
  int function(int folder, const char *path, int flags, ...) {                   \
    va_list rest;                                                                 \
    va_start(rest, flags);                                                        \
    mode_t mode = va_arg(rest, mode_t);                                           \
    va_end(rest);                                                                 \
    return fails(OPEN, path) ? -1 : NEXT(function)(folder, path, flags, mode);  \
  }
OPENAT(openat)
OPENAT(openat64)

// A function that fails with -1.
#define CALL(name, result, function, parameters, arguments, about)            \
  result function parameters {                                                \
    return fails(name, about) ? -1 : NEXT(function) arguments; \
  }
CALL(WRITE, ssize_t, write, (int fd, const void *from, size_t length), (fd, from, length), named(fd))
CALL(WRITE, ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count), named(fd))
CALL(WRITE, ssize_t, pwrite64, (int fd, const void *from, size_t length, off64_t at), (fd, from, length, at), named(fd))
CALL(WRITE, int, ftruncate64, (int fd, off64_t length), (fd, length), named(fd))
CALL(READ, ssize_t, read, (int fd, void *to, size_t length), (fd, to, length), named(fd))
CALL(READ, ssize_t, readv, (int fd, const struct iovec *to, int count), (fd, to, count), named(fd))
CALL(READ, ssize_t, pread64, (int fd, void *to, size_t length, off64_t at), (fd, to, length, at), named(fd))
CALL(RENAME, int, rename, (const char *from, const char *to), (from, to), to)
CALL(RENAME, int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), to)
CALL(RENAME, int, unlink, (const char *path), (path), path)
CALL(MAKE, int, mkdir, (const char *path, mode_t mode), (path, mode), path)
CALL(MAKE, int, mkfifo, (const char *path, mode_t mode), (path, mode), path)
CALL(MAKE, int, chmod, (const char *path, mode_t mode), (path, mode), path)
CALL(MAKE, int, fchmod, (int fd, mode_t mode), (fd, mode), named(fd))
CALL(SYNC, int, fsync, (int fd), (fd), named(fd))
CALL(SYNC, int, fdatasync, (int fd), (fd), named(fd))
CALL(PIPE, int, pipe2, (int pair[2], int flags), (pair, flags), "")
CALL(PIPE, int, socketpair, (int a, int b, int c, int pair[2]), (a, b, c, pair), "")
CALL(FORK, pid_t, fork, (void), (), "")
CALL(EXEC, int, execvp, (const char *path, char *const words[]), (path, words), path)
CALL(EXEC, int, execve, (const char *path, char *const words[], char *const env[]), (path, words, env), path)

// A function that returns the error.
int posix_spawnp(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                 char *const words[], char *const env[]) {
  return fails(FORK, path) ? error : NEXT(posix_spawnp)(pid, path, actions, attributes, words, env);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *with) {
  return fails(THREAD, "") ? error : NEXT(pthread_create)(thread, attributes, run, with);
}

// Memory without a file is that of the allocator and of stacks.
#define MMAP(function)                                                                    \
  void *function(void *at, size_t length, int access, int flags, int fd, off_t from) {    \
    if (fd >= 0 && fails(MMAP, named(fd))) return MAP_FAILED;      \
    return NEXT(function)(at, length, access, flags, fd, from);                           \
  }
MMAP(mmap)
MMAP(mmap64)

// Of all that it does, only another descriptor can fail for lack of something.
#define FCNTL(function)                                                               \
  int function(int fd, int what, ...) {                                               \
    va_list rest;                                                                     \
    va_start(rest, what);                                                             \
    void *argument = va_arg(rest, void *);                                            \
    va_end(rest);                                                                     \
    return what == F_DUPFD_CLOEXEC && fails(FCNTL, named(fd)) ? -1 : NEXT(function)(fd, what, argument); \
  }
FCNTL(fcntl)
FCNTL(fcntl64)
