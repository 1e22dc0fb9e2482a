/*
 * Loaded into a benchmarked program by exec-harness in simulation mode: switches
 * callgrind on when the program begins and off when it ends, and labels the dump
 * with the URI of the benchmark.
 *
 * What happened is told to exec-harness through lines `<what> <pid> <ppid> <uri>`
 * that are appended to a file:
 *   native    the image runs, but not below Valgrind (as its launcher does, too)
 *   started   counting begins in this image
 *   forked    a copy of a counting process, made by fork, begins
 *   dumped    the cost of the image was dumped with the URI
 *
 * Exports nothing but the functions that end a process without running
 * destructors. All memory is our own and no function of stdio is called, so that
 * the heap of the program is as without us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client_request.h"

#define EXPORT __attribute__((visibility("default")))

/* The process image that is counted; 0 when there is none. */
static pid_t counted;
static int dumped;
/* Copies: a program may overwrite its environment, as those do that set their title. */
static char *uri;
static char *report;

static char *put_number(char *end, long number)
{
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return end;
}

/* Appends a line with a single call, so that processes don't mix their lines. */
static void tell(const char *what)
{
    char digits[2][24];
    char *pid = put_number(digits[0] + sizeof digits[0], getpid());
    char *parent = put_number(digits[1] + sizeof digits[1], getppid());
    struct iovec line[] = {
        {(void *)what, strlen(what)},
        {" ", 1},
        {pid, (size_t)(digits[0] + sizeof digits[0] - pid)},
        {" ", 1},
        {parent, (size_t)(digits[1] + sizeof digits[1] - parent)},
        {" ", 1},
        {uri, strlen(uri)},
        {"\n", 1},
    };
    int before = errno;
    int file = report == NULL ? -1 : open(report, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (file >= 0) {
        /* A line that is lost only makes a message of exec-harness less precise. */
        ssize_t written = writev(file, line, sizeof line / sizeof *line);
        (void)written;
        close(file);
    }
    errno = before;
}

static char *copy(const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    size_t size = strlen(text) + 1;
    void *place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return place == MAP_FAILED ? NULL : memcpy(place, text, size);
}

static void forked(void)
{
    tell("forked");
}

/* Once per process image; a child that shares the memory of the image or is a copy of it has
 * another pid and dumps nothing. */
static void finish(void)
{
    if (counted == 0 || getpid() != counted || __atomic_exchange_n(&dumped, 1, __ATOMIC_RELAXED)) {
        return;
    }
    STOP_INSTRUMENTATION();
    DUMP_STATS_AT(uri);
    tell("dumped");
}

static __attribute__((constructor)) void begin(void)
{
    uri = copy(getenv("CODSPEED_BENCH_URI"));
    if (uri == NULL) {
        return;
    }
    report = copy(getenv("CODSPEED_BENCH_REPORT"));
    if (!RUNNING_ON_VALGRIND()) {
        tell("native");
        return;
    }
    tell("started");
    counted = getpid();
    /* Handlers of `quick_exit` run in reverse order: ours, being the first, is the last. */
    at_quick_exit(finish);
    pthread_atfork(NULL, NULL, forked);
    DUMP_STATS_AT("Metadata: " INTEGRATION " " VERSION);
    ZERO_STATS();
    START_INSTRUMENTATION();
}

static __attribute__((destructor)) void end(void)
{
    finish();
}

/* The C library's own functions do just this. */
static __attribute__((noreturn)) void end_process(int status)
{
    finish();
    for (;;) {
        syscall(SYS_exit_group, status);
    }
}

EXPORT __attribute__((noreturn)) void _exit(int status)
{
    end_process(status);
}

EXPORT __attribute__((noreturn)) void _Exit(int status)
{
    end_process(status);
}
