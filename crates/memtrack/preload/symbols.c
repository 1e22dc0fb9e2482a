/*
 * Says which allocators a program calls past us: those of a library that is loaded into a namespace of its own
 * (`dlmopen`), and those that it asks the loader for by name in one library.
 *
 * The loader must see who calls it: our functions jump to its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include "find.h"
#include "trace.h"

typedef void *dlmopen_function(Lmid_t, const char *, int);
typedef void *dlsym_function(void *, const char *);

static __attribute__((noinline)) dlmopen_function *before_dlmopen(Lmid_t space, const char *path)
{
    if (space != LM_ID_BASE && path != NULL) {
        trace_say(KIND_PAST, PAST_NAMESPACE, NULL, 0, path);
    }
    return (dlmopen_function *)find_next("dlmopen", NULL);
}

EXPORT void *dlmopen(Lmid_t space, const char *path, int mode)
{
    return before_dlmopen(space, path)(space, path, mode);
}

static bool is_allocator(const char *name)
{
    static const char *const NAMES[] = {"malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign", "memalign"};
    for (size_t at = 0; at < sizeof NAMES / sizeof *NAMES; at++) {
        if (strcmp(name, NAMES[at]) == 0) {
            return true;
        }
    }
    return false;
}

static __attribute__((noinline)) void *look_up(dlsym_function *real, void *handle, const char *name)
{
    void *found = real(handle, name);
    const struct link_map *file = find_first();
    while (found != NULL && file != NULL && find_in(file, name) != found) {
        file = file->l_next;
    }
    /* Ours counts; of others it is known here where they are. */
    if (found != NULL && file != find_ourselves()) {
        trace_say(KIND_PAST, PAST_ADDRESS, NULL, 0, file == NULL ? name : find_path(file));
    }
    return found;
}

EXPORT void *dlsym(void *handle, const char *name)
{
    dlsym_function *real = (dlsym_function *)find_next("dlsym", NULL);
    if (handle == RTLD_NEXT || handle == RTLD_DEFAULT || !is_allocator(name)) {
        return real(handle, name);
    }
    return look_up(real, handle, name);
}
