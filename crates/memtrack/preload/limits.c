/*
 * Sees a process limit its own memory, in which the segment counts, and keep all of it in RAM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "find.h"
#include "limits.h"
#include "trace.h"

#define NEXT(function) ((__typeof__(&function))find_next(#function, NULL))

void limits_change(int resource, const struct rlimit *limit)
{
    if (resource == RLIMIT_AS && limit != NULL && limit->rlim_cur != RLIM_INFINITY) {
        int before = errno;
        trace_shrink(limit->rlim_cur);
        errno = before;
    }
}

EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    limits_change((int)resource, limit);
    return NEXT(setrlimit)(resource, limit);
}

/* The same where numbers have 64 bits anyway. */
EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
    limits_change((int)resource, (const struct rlimit *)limit);
    return NEXT(setrlimit64)(resource, limit);
}

EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *before)
{
    if (pid == 0 || pid == getpid()) {
        limits_change((int)resource, limit);
    }
    return NEXT(prlimit)(pid, resource, limit, before);
}

EXPORT int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit, struct rlimit64 *before)
{
    if (pid == 0 || pid == getpid()) {
        limits_change((int)resource, (const struct rlimit *)limit);
    }
    return NEXT(prlimit64)(pid, resource, limit, before);
}

/* Of the segment, hardly anything is used; all that is mapped would be kept in RAM, and count against the limit of that.
 * As much stays as a process with a large limit has. */
EXPORT int mlockall(int flags)
{
    if (flags & MCL_CURRENT) {
        int before = errno;
        trace_shrink(UINT64_MAX);
        errno = before;
    }
    return NEXT(mlockall)(flags);
}
