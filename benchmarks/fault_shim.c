/* Faults that a process meets in the C library: benchmarks/fault_server.py loads this.

   Preloaded (LD_PRELOAD), it does nothing until fault_arm() is called. Then it counts
   what is done to files under one folder, and at the n-th operation of a kind kills the
   process, or lets writes fail with ENOSPC after so many bytes. fault_clock() makes
   the clock of the day jump. Writes that stdio buffers count when they are flushed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static char folder[PATH_MAX];
static size_t folder_length;
static char kind[32];      /* "any", "rename", "write", ... */
static long at;            /* Kill at this operation, from 1; 0 for never. */
static long space = -1;    /* Bytes that fit on the disk; -1 for any number. */
static int log_fd = -1;    /* Where operations are listed; -1 for nowhere. */
static volatile int armed;
static long count;

void fault_arm(const char *of, const char *what, long when, long bytes, const char *log) {
  snprintf(folder, sizeof folder, "%s", of);
  folder_length = strlen(folder);
  snprintf(kind, sizeof kind, "%s", what);
  at = when;
  space = bytes;
  count = 0;
  log_fd = *log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  armed = 1;
}

void fault_disarm(void) { armed = 0; }

static int is_inside(const char *path) {
  return !strncmp(path, folder, folder_length) &&
         (path[folder_length] == '/' || !path[folder_length]);
}

/* Whether a path, relative to a folder's descriptor, is watched. */
static int watched(int dir, const char *path) {
  char whole[2 * PATH_MAX], link[64];
  ssize_t length = 0;
  if (!armed || !path) return 0;
  if (path[0] == '/') return is_inside(path);
  if (dir == AT_FDCWD) {
    if (!getcwd(whole, PATH_MAX)) return 0;
    length = strlen(whole);
  } else {
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    length = readlink(link, whole, PATH_MAX);
    if (length < 0) return 0;
  }
  snprintf(whole + length, PATH_MAX, "/%s", path);
  return is_inside(whole);
}

static int watched_fd(int fd) {
  char path[PATH_MAX], link[64];
  if (!armed || fd < 0 || fd == log_fd) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_inside(path);
}

static int is_due(const char *what) {
  if (log_fd >= 0) {
    char line[48];
    int length = snprintf(line, sizeof line, "%s\n", what);
    syscall(SYS_write, log_fd, line, length);
  }
  if (!at || (strcmp(kind, "any") && strcmp(kind, what))) return 0;
  return __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST) == at;
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

static void step(const char *what) {
  if (is_due(what)) die();
}

/* Takes bytes of the disk's space; returns how many of them there are, or -1. */
static ssize_t take(size_t bytes) {
  if (space < 0) return bytes;
  long left = __atomic_load_n(&space, __ATOMIC_SEQ_CST);
  if (left <= 0 && bytes) {
    errno = ENOSPC;
    return -1;
  }
  ssize_t got = (long)bytes < left ? (ssize_t)bytes : left;
  __atomic_sub_fetch(&space, got, __ATOMIC_SEQ_CST);
  return got;
}

ssize_t write(int fd, const void *data, size_t bytes) {
  REAL(write);
  if (!watched_fd(fd)) return real(fd, data, bytes);
  if (is_due("write")) {
    real(fd, data, bytes / 2);
    die();
  }
  ssize_t got = take(bytes);
  return got < 0 ? got : real(fd, data, got);
}

static ssize_t write_at(int fd, const void *data, size_t bytes, off64_t where) {
  if (watched_fd(fd)) {
    if (is_due("write")) {
      syscall(SYS_pwrite64, fd, data, bytes / 2, where);
      die();
    }
    ssize_t got = take(bytes);
    if (got < 0) return got;
    bytes = got;
  }
  return syscall(SYS_pwrite64, fd, data, bytes, where);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t where) {
  return write_at(fd, data, bytes, where);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t where) {
  return write_at(fd, data, bytes, where);
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
  REAL(writev);
  if (!watched_fd(fd)) return real(fd, parts, number);
  size_t bytes = 0;
  for (int i = 0; i < number; i++) bytes += parts[i].iov_len;
  if (is_due("write")) {
    real(fd, parts, number / 2);
    die();
  }
  ssize_t got = take(bytes);
  if (got < 0) return got;
  if ((size_t)got == bytes) return real(fd, parts, number);
  return number ? syscall(SYS_write, fd, parts[0].iov_base,
                          (size_t)got < parts[0].iov_len ? (size_t)got
                                                         : parts[0].iov_len)
                : 0;
}

size_t fwrite(const void *data, size_t size, size_t number, FILE *file) {
  REAL(fwrite);
  if (!armed || !watched_fd(fileno(file))) return real(data, size, number, file);
  if (is_due("write")) {
    real(data, size, number / 2, file);
    fflush(file);
    die();
  }
  ssize_t got = take(size * number);
  if (got == (ssize_t)(size * number)) return real(data, size, number, file);
  if (got > 0) real(data, 1, got, file);
  errno = ENOSPC;
  return got > 0 && size ? got / size : 0;
}

int fflush(FILE *file) {
  REAL(fflush);
  if (armed && file && watched_fd(fileno(file))) step("write");
  return real(file);
}

int fclose(FILE *file) {
  REAL(fclose);
  if (armed && file && watched_fd(fileno(file))) step("write");
  return real(file);
}

ssize_t sendfile(int out, int in, off_t *where, size_t bytes) {
  REAL(sendfile);
  if (!watched_fd(out)) return real(out, in, where, bytes);
  step("write");
  ssize_t got = take(bytes);
  return got < 0 ? got : real(out, in, where, got);
}

ssize_t sendfile64(int out, int in, off64_t *where, size_t bytes) {
  return sendfile(out, in, (off_t *)where, bytes);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t bytes,
                        unsigned flags) {
  REAL(copy_file_range);
  if (!watched_fd(out)) return real(in, from, out, to, bytes, flags);
  step("write");
  ssize_t got = take(bytes);
  return got < 0 ? got : real(in, from, out, to, got, flags);
}

#define BY_DESCRIPTOR(name, what, parameters, arguments) \
  int name parameters { \
    REAL(name); \
    if (watched_fd(fd)) step(what); \
    return real arguments; \
  }
BY_DESCRIPTOR(fsync, "fsync", (int fd), (fd))
BY_DESCRIPTOR(fdatasync, "fsync", (int fd), (fd))
BY_DESCRIPTOR(ftruncate, "truncate", (int fd, off_t size), (fd, size))
BY_DESCRIPTOR(ftruncate64, "truncate", (int fd, off64_t size), (fd, size))

#define BY_PATH(name, what, dir, path, parameters, arguments) \
  int name parameters { \
    REAL(name); \
    if (watched(dir, path)) step(what); \
    return real arguments; \
  }
BY_PATH(rename, "rename", AT_FDCWD, to, (const char *from, const char *to), (from, to))
BY_PATH(renameat, "rename", d2, to, (int d1, const char *from, int d2, const char *to),
        (d1, from, d2, to))
BY_PATH(renameat2, "rename", d2, to,
        (int d1, const char *from, int d2, const char *to, unsigned flags),
        (d1, from, d2, to, flags))
BY_PATH(link, "link", AT_FDCWD, to, (const char *from, const char *to), (from, to))
BY_PATH(linkat, "link", d2, to,
        (int d1, const char *from, int d2, const char *to, int flags),
        (d1, from, d2, to, flags))
BY_PATH(symlink, "link", AT_FDCWD, to, (const char *from, const char *to), (from, to))
BY_PATH(unlink, "unlink", AT_FDCWD, path, (const char *path), (path))
BY_PATH(unlinkat, "unlink", dir, path, (int dir, const char *path, int flags),
        (dir, path, flags))
BY_PATH(remove, "unlink", AT_FDCWD, path, (const char *path), (path))
BY_PATH(rmdir, "rmdir", AT_FDCWD, path, (const char *path), (path))
BY_PATH(mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
BY_PATH(mkdirat, "mkdir", dir, path, (int dir, const char *path, mode_t mode),
        (dir, path, mode))

/* Python and others ask the kernel for what their C library has no function for. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_list list;
  va_start(list, number);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
  long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
  va_end(list);
  if (armed && number == SYS_renameat2 && watched((int)c, (const char *)d))
    step("rename");
  return real(number, a, b, c, d, e, f);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    static int (*real)(const char *, int, ...); \
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list list; \
    va_start(list, flags); \
    mode_t mode = va_arg(list, mode_t); \
    va_end(list); \
    if (armed && (flags & O_CREAT) && watched(AT_FDCWD, path)) step("create"); \
    return real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int dir, const char *path, int flags, ...) { \
    static int (*real)(int, const char *, int, ...); \
    if (!real) real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list list; \
    va_start(list, flags); \
    mode_t mode = va_arg(list, mode_t); \
    va_end(list); \
    if (armed && (flags & O_CREAT) && watched(dir, path)) step("create"); \
    return real(dir, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
  FILE *name(const char *path, const char *mode) { \
    REAL(name); \
    if (armed && mode[0] != 'r' && watched(AT_FDCWD, path)) step("create"); \
    return real(path, mode); \
  }
FOPEN(fopen)
FOPEN(fopen64)

/* The clock of the day: after every so many readings it jumps to another offset. */
static long jumps_every;
static unsigned long state;
static volatile long offset;
static long readings;

void fault_clock(long every, unsigned long seed, long begin) {
  jumps_every = every;
  state = seed * 2654435761UL + 12345;
  offset = begin;
}

static long shift(void) {
  if (!jumps_every) return offset;
  if (__atomic_add_fetch(&readings, 1, __ATOMIC_SEQ_CST) % jumps_every == 0) {
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    offset = (long)((state >> 33) % (800L * 86400)) - 400L * 86400;
  }
  return offset;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  REAL(clock_gettime);
  int failed = real(clock, now);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += shift();
  return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  REAL(gettimeofday);
  int failed = real(now, zone);
  if (!failed && now) now->tv_sec += shift();
  return failed;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}
