/*
 * Stands between a program and the system, and makes the machine a bad one. A file says how, which
 * another process changes meanwhile: three numbers of 64 bits, which are the microseconds that each
 * sync takes longer, the seconds by which the clock is ahead, and whether the disk is full.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_MICROSECONDS, CLOCK_SECONDS, IS_FULL, NUMBERS };

static const volatile int64_t *machine;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("MACHINE");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) {
        return;
    }
    void *read = mmap(NULL, NUMBERS * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    machine = read == MAP_FAILED ? NULL : read;
}

static int64_t number(int which) {
    return machine ? machine[which] : 0;
}

static void take_longer(void) {
    int64_t microseconds = number(SYNC_MICROSECONDS);
    if (microseconds > 0) {
        usleep((useconds_t)microseconds);
    }
}

int fdatasync(int file) {
    take_longer();
    return (int)syscall(SYS_fdatasync, file);
}

int fsync(int file) {
    take_longer();
    return (int)syscall(SYS_fsync, file);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = (int)syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME) {
        time->tv_sec += number(CLOCK_SECONDS);
    }
    return failed;
}

/* What is logged still has room. */
static int has_no_room(int file) {
    struct stat stat;
    if (!number(IS_FULL) || file == STDERR_FILENO) {
        return 0;
    }
    if (fstat(file, &stat) || !S_ISREG(stat.st_mode)) {
        return 0;
    }
    errno = ENOSPC;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t count) {
    return has_no_room(file) ? -1 : syscall(SYS_write, file, bytes, count);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    return has_no_room(file) ? -1 : syscall(SYS_writev, file, parts, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    return has_no_room(file) ? -1 : syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    return pwrite64(file, bytes, count, offset);
}
