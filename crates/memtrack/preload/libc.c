/*
 * The functions of the C library that this library needs, under their usual names, but for its own use only.
 *
 * A program, or a library in it, can define `open` or `strcmp` itself: one that watches or redirects calls, sets the
 * clock, or looks for errors in memory (the sanitizers). It must neither be called by us, which can be too early for
 * it or one call too many, nor change what we get. So what is simple is here, and the rest is taken from the file of
 * the C library.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "find.h"

void *memcpy(void *restrict into, const void *restrict from, size_t size)
{
    char *to = into;
    for (size_t at = 0; at < size; at++) {
        to[at] = ((const char *)from)[at];
    }
    return into;
}

void *memset(void *into, int byte, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        ((char *)into)[at] = (char)byte;
    }
    return into;
}

int memcmp(const void *one, const void *other, size_t size)
{
    const unsigned char *left = one, *right = other;
    for (size_t at = 0; at < size; at++) {
        if (left[at] != right[at]) {
            return left[at] - right[at];
        }
    }
    return 0;
}

size_t strnlen(const char *text, size_t most)
{
    size_t length = 0;
    while (length < most && text[length] != 0) {
        length++;
    }
    return length;
}

size_t strlen(const char *text)
{
    return strnlen(text, SIZE_MAX);
}

int strncmp(const char *one, const char *other, size_t most)
{
    for (size_t at = 0; at < most; at++) {
        if (one[at] != other[at] || one[at] == 0) {
            return (unsigned char)one[at] - (unsigned char)other[at];
        }
    }
    return 0;
}

int strcmp(const char *one, const char *other)
{
    return strncmp(one, other, SIZE_MAX);
}

char *strchr(const char *text, int wanted)
{
    for (;; text++) {
        if (*text == (char)wanted) {
            return (char *)text;
        }
        if (*text == 0) {
            return NULL;
        }
    }
}

char *strstr(const char *text, const char *wanted)
{
    size_t length = strlen(wanted);
    for (; *text != 0; text++) {
        if (strncmp(text, wanted, length) == 0) {
            return (char *)text;
        }
    }
    return NULL;
}

size_t strcspn(const char *text, const char *unwanted)
{
    size_t length = 0;
    while (text[length] != 0 && strchr(unwanted, text[length]) == NULL) {
        length++;
    }
    return length;
}

char *strcpy(char *restrict into, const char *restrict text)
{
    return memcpy(into, text, strlen(text) + 1);
}

/* Of decimal digits at the beginning of a text; `atoi` is made of it. */
long strtol(const char *restrict text, char **restrict end, int base)
{
    (void)end;
    (void)base;
    unsigned long number = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (unsigned long)(*text - '0');
    }
    return (long)number;
}

char *getenv(const char *name)
{
    size_t length = strlen(name);
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
            return *at + length + 1;
        }
    }
    return NULL;
}

/* Threads that are at it at the same time find the same. */
static void *of_libc(_Atomic(void *) *known, const char *name)
{
    void *found = atomic_load_explicit(known, memory_order_relaxed);
    if (found == NULL) {
        found = find_in(find_libc(), name);
        atomic_store_explicit(known, found, memory_order_relaxed);
    }
    return found;
}

/* A function of the C library, and what it returns where there is none. */
#define HANDED_ON(type, name, parameters, arguments, without)                             \
    type name parameters                                                                  \
    {                                                                                     \
        static _Atomic(void *) known;                                                     \
        type(*real) parameters = (type(*) parameters)of_libc(&known, #name);              \
        return real == NULL ? (without) : real arguments;                                 \
    }

static int not_there(void)
{
    errno = ENOSYS;
    return -1;
}

HANDED_ON(int, close, (int file), (file), not_there())
HANDED_ON(ssize_t, read, (int file, void *into, size_t size), (file, into, size), not_there())
HANDED_ON(ssize_t, pread, (int file, void *into, size_t size, off_t at), (file, into, size, at), not_there())
HANDED_ON(ssize_t, readlink, (const char *path, char *into, size_t size), (path, into, size), not_there())
HANDED_ON(char *, getcwd, (char *into, size_t size), (into, size), NULL)
HANDED_ON(pid_t, getpid, (void), (), 0)
HANDED_ON(void *, mmap, (void *at, size_t size, int access, int flags, int file, off_t from),
          (at, size, access, flags, file, from), MAP_FAILED)
HANDED_ON(int, munmap, (void *at, size_t size), (at, size), not_there())
HANDED_ON(int, mprotect, (void *at, size_t size, int access), (at, size, access), not_there())
HANDED_ON(int, getrlimit, (__rlimit_resource_t resource, struct rlimit *limit), (resource, limit), not_there())
HANDED_ON(int, madvise, (void *at, size_t size, int advice), (at, size, advice), not_there())
HANDED_ON(int, pthread_key_create, (pthread_key_t * key, void (*end)(void *)), (key, end), ENOSYS)
HANDED_ON(int, pthread_setspecific, (pthread_key_t key, const void *value), (key, value), ENOSYS)
HANDED_ON(int, pthread_setcancelstate, (int state, int *before), (state, before), ENOSYS)
HANDED_ON(int, pthread_getattr_np, (pthread_t thread, pthread_attr_t *attributes), (thread, attributes), ENOSYS)
HANDED_ON(int, pthread_attr_getstack, (const pthread_attr_t *attributes, void **low, size_t *size),
          (attributes, low, size), ENOSYS)
HANDED_ON(int, pthread_attr_destroy, (pthread_attr_t * attributes), (attributes), ENOSYS)
HANDED_ON(int, pthread_getcpuclockid, (pthread_t thread, clockid_t *clock), (thread, clock), ENOSYS)

/* We never make a file. */
int open(const char *path, int flags, ...)
{
    static _Atomic(void *) known;
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))of_libc(&known, "open");
    return real == NULL ? not_there() : real(path, flags, 0);
}

int fcntl(int file, int order, ...)
{
    va_list list;
    va_start(list, order);
    void *argument = va_arg(list, void *);
    va_end(list);
    static _Atomic(void *) known;
    int (*real)(int, int, ...) = (int (*)(int, int, ...))of_libc(&known, "fcntl");
    return real == NULL ? not_there() : real(file, order, argument);
}

/* Before glibc 2.33 it had another name, and a number for the layout first. */
#if defined(__x86_64__)
#define STAT_LAYOUT 1
#else
#define STAT_LAYOUT 0
#endif

int fstat(int file, struct stat *about)
{
    static _Atomic(void *) known, older;
    int (*real)(int, struct stat *) = (int (*)(int, struct stat *))of_libc(&known, "fstat");
    if (real != NULL) {
        return real(file, about);
    }
    int (*with_layout)(int, int, struct stat *) = (int (*)(int, int, struct stat *))of_libc(&older, "__fxstat");
    return with_layout == NULL ? not_there() : with_layout(STAT_LAYOUT, file, about);
}

int stat(const char *restrict path, struct stat *restrict about)
{
    int file = open(path, O_PATH | O_CLOEXEC);
    if (file < 0) {
        return -1;
    }
    int result = fstat(file, about);
    close(file);
    return result;
}

int snprintf(char *restrict into, size_t size, const char *restrict format, ...)
{
    static _Atomic(void *) known;
    typedef int function(char *, size_t, const char *, va_list);
    function *real = (function *)of_libc(&known, "vsnprintf");
    va_list list;
    va_start(list, format);
    int length = real == NULL ? -1 : real(into, size, format, list);
    va_end(list);
    return length;
}

/* The kernel's own part in each program comes first: with it, no call of the system is needed. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static _Atomic(void *) known;
    typedef int function(clockid_t, struct timespec *);
    function *real = (function *)atomic_load_explicit(&known, memory_order_relaxed);
    if (UNLIKELY(real == NULL)) {
        static const char *const NAMES[] = {"__vdso_clock_gettime", "__kernel_clock_gettime"};
        for (size_t at = 0; at < 2 && real == NULL; at++) {
            real = (function *)find_from(find_first(), NAMES[at], NULL);
        }
        if (real == NULL) {
            real = (function *)find_in(find_libc(), "clock_gettime");
        }
        atomic_store_explicit(&known, (void *)real, memory_order_relaxed);
    }
    return real == NULL ? not_there() : real(clock, now);
}
