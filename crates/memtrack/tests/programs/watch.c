/*
 * A library that watches functions of the C library, as others change what they give: each is called by its name, and
 * says so. The clock of this one stands still.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long called(const char *name)
{
    (void)!write(2, name, strlen(name));
    abort();
}

int open(const char *path, int flags, ...)
{
    (void)path, (void)flags;
    return (int)called("open\n");
}

int fcntl(int file, int order, ...)
{
    (void)file, (void)order;
    return (int)called("fcntl\n");
}

int fstat(int file, struct stat *about)
{
    (void)file, (void)about;
    return (int)called("fstat\n");
}

char *getenv(const char *name)
{
    (void)name;
    return (char *)called("getenv\n");
}

int strcmp(const char *one, const char *other)
{
    (void)one, (void)other;
    return (int)called("strcmp\n");
}

void *mmap(void *at, size_t size, int access, int flags, int file, off_t from)
{
    (void)at, (void)size, (void)access, (void)flags, (void)file, (void)from;
    return (void *)called("mmap\n");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){1, 1};
    return 0;
}
