/*
 * Which files are where in the memory of the process. The tracer can look for itself, but not when the process has
 * ended already. What is loaded later, by dlopen, it must find itself.
 */
#define _GNU_SOURCE
#include "maps.h"

#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#define MAX_FILES 256
#define PAGE 4096

static struct mapped files[MAX_FILES];
static const char *paths[MAX_FILES];
static size_t count;
static char own_path[PATH_MAX];

static void note(const char *path, const struct stat *about, uintptr_t base, const ElfW(Phdr) * header)
{
    if (count < MAX_FILES) {
        files[count] = (struct mapped){
            .start = base + header->p_vaddr / PAGE * PAGE,
            .end = base + header->p_vaddr + header->p_memsz,
            .offset = header->p_offset / PAGE * PAGE,
            .device = about->st_dev,
            .inode = about->st_ino,
        };
        paths[count] = path;
        count++;
    }
}

static int look_at(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    const char *path = info->dlpi_name;
    struct stat about;
    if (path == NULL || path[0] == 0) {
        /* The program itself. */
        ssize_t length = own_path[0] == 0 ? readlink("/proc/self/exe", own_path, sizeof own_path - 1) : -1;
        if (length <= 0) {
            return 0;
        }
        own_path[length] = 0;
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

void maps_tell(void)
{
    /* A copy of a process has what the process had; locks of the loader may be held for ever there. */
    if (count == 0) {
        dl_iterate_phdr(look_at, NULL);
    }
    for (size_t at = 0; at < count; at++) {
        trace_mapped(&files[at], paths[at]);
    }
}
