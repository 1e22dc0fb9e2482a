/*
 * Which files are where in the memory of the process. The tracer can look for itself, but not when the process has
 * ended already, and not for what was closed meanwhile. So it is told when the process begins, and when the loader has
 * loaded or closed something: at the next question to it.
 */
#define _GNU_SOURCE
#include "maps.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#define MAX_FILES 256
#define MAX_PATHS 65536
#define PAGE 4096

static struct mapped files[MAX_FILES];
static const char *paths[MAX_FILES];
static size_t count;
/* Those of `files`: the loader's own are gone when a file is closed. */
static char texts[MAX_PATHS];
static size_t texts_end;
static char own_path[PATH_MAX];
/* How often the loader has loaded and closed something, as far as was told. */
static unsigned long long loaded;
static unsigned long long closed;
/* A thread is telling. */
static _Atomic bool telling;

static bool is_noted(const struct mapped *file)
{
    for (size_t at = 0; at < count; at++) {
        if (memcmp(&files[at], file, sizeof *file) == 0) {
            return true;
        }
    }
    return false;
}

static void note(const char *path, const struct stat *about, uintptr_t base, const ElfW(Phdr) * header)
{
    struct mapped file = {
        .start = base + header->p_vaddr / PAGE * PAGE,
        .end = base + header->p_vaddr + header->p_memsz,
        .offset = header->p_offset / PAGE * PAGE,
        .device = about->st_dev,
        .inode = about->st_ino,
    };
    size_t length = strlen(path) + 1;
    if (count < MAX_FILES && length <= MAX_PATHS - texts_end && !is_noted(&file)) {
        memcpy(texts + texts_end, path, length);
        files[count] = file;
        paths[count] = texts + texts_end;
        texts_end += length;
        count++;
    }
}

static int look_at(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    const char *path = info->dlpi_name;
    struct stat about;
    loaded = info->dlpi_adds;
    closed = info->dlpi_subs;
    if (path == NULL || path[0] == 0) {
        /* The program itself. */
        ssize_t length = own_path[0] == 0 ? readlink("/proc/self/exe", own_path, sizeof own_path - 1) : 0;
        if (length < 0) {
            return 0;
        }
        path = own_path;
    }
    /* What the kernel maps has no file; a path from a folder would lead elsewhere for the tracer. */
    if (path[0] != '/' || stat(path == own_path ? "/proc/self/exe" : path, &about) != 0) {
        return 0;
    }
    for (size_t at = 0; at < info->dlpi_phnum; at++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[at];
        if (header->p_type == PT_LOAD && (header->p_flags & PF_X) != 0) {
            note(path, &about, info->dlpi_addr, header);
        }
    }
    return 0;
}

static void tell_from(size_t first)
{
    for (size_t at = first; at < count; at++) {
        trace_mapped(&files[at], paths[at]);
    }
}

void maps_tell(void)
{
    /* A copy of a process has what the process had; locks of the loader may be held for ever there. */
    if (count == 0) {
        dl_iterate_phdr(look_at, NULL);
    }
    tell_from(0);
}

static int has_changed(struct dl_phdr_info *info, size_t size, void *is_less)
{
    (void)size;
    *(bool *)is_less = info->dlpi_subs != closed;
    return info->dlpi_subs != closed || info->dlpi_adds != loaded ? 1 : -1;
}

static void tell_changes(void)
{
    bool is_less = false;
    if (dl_iterate_phdr(has_changed, &is_less) != 1) {
        return;
    }
    if (is_less) {
        /* Other files may get the places of those that are gone. */
        count = texts_end = 0;
        trace_mapped(&(struct mapped){0}, "");
    }
    size_t before = count;
    dl_iterate_phdr(look_at, NULL);
    tell_from(before);
}

void maps_look(void)
{
    int error = errno;
    if (trace_wants_names() && !atomic_exchange(&telling, true)) {
        trace_say_all(tell_changes);
        atomic_store(&telling, false);
    }
    errno = error;
}
