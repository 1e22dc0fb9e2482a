#define _GNU_SOURCE
#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "find.h"
#include "sandbox.h"
#include "segment.h"

#define LIBRARY "libcodspeed_memtrack_preload.so"
#define PRELOAD "LD_PRELOAD="
#define SEGMENT "CODSPEED_MEMTRACK_SEGMENT="
/* The descriptors of library and segment, as 901:902. */
#define HELD "CODSPEED_MEMTRACK_HELD="
#define DESCRIPTORS "/proc/self/fd/"
/* Programs don't expect descriptors with such high numbers to be theirs. */
#define HIGH 500

static const char *value_of(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, length) == 0) {
            return *environment + length;
        }
    }
    return NULL;
}

int reach_descriptor(const char *path)
{
    size_t length = strlen(DESCRIPTORS);
    return strncmp(path, DESCRIPTORS, length) == 0 ? atoi(path + length) : -1;
}

/* The entry of a list of libraries that is ours, by its place and length. */
static const char *entry_of(const char *list, size_t *length)
{
    while (list != NULL && *list != 0) {
        *length = strcspn(list, ": ");
        const char *end = list + *length;
        bool is_ours = *length >= strlen(LIBRARY) && strncmp(end - strlen(LIBRARY), LIBRARY, strlen(LIBRARY)) == 0;
        if (is_ours || strncmp(list, DESCRIPTORS, strlen(DESCRIPTORS)) == 0) {
            return list;
        }
        list = *end == 0 ? end : end + 1;
    }
    return NULL;
}

enum reach reach_of(char *const *environment)
{
    size_t length;
    bool both = entry_of(value_of(environment, PRELOAD), &length) != NULL && value_of(environment, SEGMENT) != NULL;
    return both ? REACH_ALL : REACH_NO_VARIABLES;
}

size_t reach_count(char *const *environment)
{
    size_t count = 0;
    while (environment != NULL && environment[count] != NULL) {
        count++;
    }
    return count;
}

/* A copy of a descriptor that programs inherit, and don't take for theirs. */
static int held_copy(const char *path, int flags)
{
    /* A filter that forbids `fcntl` leaves us with a low number. */
    bool as_it_is = sandbox_is_filtered();
    int file = open(path, as_it_is ? flags : flags | O_CLOEXEC);
    if (as_it_is) {
        return file;
    }
    if (file < 0) {
        return -1;
    }
    int high = fcntl(file, F_DUPFD, HIGH);
    if (high < 0) {
        high = fcntl(file, F_DUPFD, 3);
    }
    close(file);
    return high;
}

static int held_library = -1;
static int held_segment = -1;
static bool may_have_moved;

void reach_hold(void)
{
    if (may_have_moved || sandbox_is_own() || getenv("CODSPEED_MEMTRACK_SEGMENT") == NULL) {
        return;
    }
    int before = errno;
    const struct link_map *ourselves = find_ourselves();
    held_library = ourselves == NULL ? -1 : held_copy(find_path(ourselves), O_RDONLY);
    held_segment = held_copy(getenv("CODSPEED_MEMTRACK_SEGMENT"), O_RDWR);
    may_have_moved = true;
    errno = before;
}

/* Whether a descriptor still is a file with these bytes at its beginning: the program may have closed it. */
static bool is_still(int file, const void *bytes, size_t count)
{
    char found[16];
    return file >= 0 && count <= sizeof found && pread(file, found, count, 0) == (ssize_t)count
           && memcmp(found, bytes, count) == 0;
}

/* What those who have started us have told of the descriptors. */
static void learn(char *const *environment)
{
    const char *held = value_of(environment, HELD);
    const char *second = held == NULL ? NULL : strchr(held, ':');
    if (!may_have_moved && second != NULL) {
        held_library = atoi(held);
        held_segment = atoi(second + 1);
        may_have_moved = true;
    }
}

bool reach_has_moved(char *const *environment)
{
    learn(environment);
    return may_have_moved && !sandbox_is_own();
}

static bool opens(const char *path, int flags)
{
    int file = open(path, flags | O_CLOEXEC);
    if (file >= 0) {
        close(file);
    }
    return file >= 0;
}

/* The list of libraries with another one in place of ours, or without ours. */
static bool replace_library(const char *list, const char *with, char *into, size_t size)
{
    size_t length;
    const char *entry = entry_of(list, &length);
    const char *rest = entry + length;
    if (*with == 0 && *rest != 0) {
        rest++;
    }
    int written = snprintf(into, size, PRELOAD "%.*s%s%s", (int)(entry - list), list, with, rest);
    return written > 0 && (size_t)written < size;
}

static char *const *change(char *const *environment, char **changed, const struct reach_room *room)
{
    size_t count = 0;
    for (; *environment != NULL; environment++) {
        bool library = room->library[0] != 0 && strncmp(*environment, PRELOAD, strlen(PRELOAD)) == 0;
        bool segment_too = room->segment[0] != 0 && strncmp(*environment, SEGMENT, strlen(SEGMENT)) == 0;
        if (strncmp(*environment, HELD, strlen(HELD)) != 0) {
            changed[count++] = library ? (char *)room->library : segment_too ? (char *)room->segment : *environment;
        }
    }
    changed[count++] = (char *)room->held;
    changed[count] = NULL;
    return changed;
}

char *const *reach_environment(char *const *environment, char **changed, struct reach_room *room, enum reach *reach)
{
    *reach = reach_of(environment);
    if (!reach_has_moved(environment) || *reach != REACH_ALL) {
        return environment;
    }
    const char *list = value_of(environment, PRELOAD);
    size_t length;
    const char *entry = entry_of(list, &length);
    char path[1024];
    char descriptor[64];
    snprintf(path, sizeof path, "%.*s", (int)length, entry);
    *room = (struct reach_room){0};
    snprintf(room->held, sizeof room->held, HELD "%d:%d", held_library, held_segment);
    if (!opens(path, O_RDONLY)) {
        snprintf(descriptor, sizeof descriptor, DESCRIPTORS "%d", held_library);
        bool held = is_still(held_library, "\177ELF", 4) && opens(descriptor, O_RDONLY);
        /* Without the library, so that the loader doesn't complain. */
        *reach = held ? REACH_ALL : REACH_NOWHERE;
        if (!replace_library(list, held ? descriptor : "", room->library, sizeof room->library)) {
            return environment;
        }
    }
    if (!opens(value_of(environment, SEGMENT), O_RDWR)) {
        uint64_t magic = SEGMENT_MAGIC;
        snprintf(room->segment, sizeof room->segment, SEGMENT DESCRIPTORS "%d", held_segment);
        *reach = is_still(held_segment, &magic, sizeof magic) ? *reach : REACH_NOWHERE;
    }
    return change(environment, changed, room);
}

#define NEXT(function) ((__typeof__(&function))find_next(#function, NULL))

EXPORT int chroot(const char *path)
{
    reach_hold();
    return NEXT(chroot)(path);
}

EXPORT int unshare(int flags)
{
    if (flags & CLONE_NEWNS) {
        reach_hold();
    }
    return NEXT(unshare)(flags);
}

/* In a namespace that was made by `clone`, this is what comes next. */
EXPORT int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
    reach_hold();
    return NEXT(mount)(source, target, type, flags, data);
}

EXPORT int setns(int file, int kind)
{
    reach_hold();
    return NEXT(setns)(file, kind);
}
