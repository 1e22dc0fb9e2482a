/*
 * Programs that ask the loader for an allocator: by its name in one library, or for the next one of a name (`dlsym`,
 * `dlvsym`). Where ours leads to the same function, they get ours; where it doesn't, it is said that they call past us.
 * So it is of libraries that are loaded into a namespace of their own (`dlmopen`), or so that they prefer what they
 * bring along (RTLD_DEEPBIND). Programs that ask have often loaded or closed something: then it is said what is where.
 *
 * The loader must see who calls it: our functions jump to its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include "calls.h"
#include "find.h"
#include "maps.h"
#include "others.h"
#include "trace.h"

typedef void *dlmopen_function(Lmid_t, const char *, int);
typedef void *dlopen_function(const char *, int);
typedef int dlclose_function(void *);
typedef void *dlsym_function(void *, const char *);
typedef void *dlvsym_function(void *, const char *, const char *);

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

static __attribute__((noinline)) dlopen_function *before_dlopen(const char *path, int mode)
{
    maps_look();
    if ((mode & RTLD_DEEPBIND) != 0 && path != NULL) {
        trace_say(KIND_PAST, PAST_DEEP, NULL, 0, path);
    }
    return (dlopen_function *)find_next("dlopen", NULL);
}

EXPORT void *dlopen(const char *path, int mode)
{
    return before_dlopen(path, mode)(path, mode);
}

/* Who closes a library has mostly used it; and its place is free behind this. */
EXPORT int dlclose(void *handle)
{
    maps_look();
    dlclose_function *real = (dlclose_function *)find_next("dlclose", NULL);
    int failed = real == NULL ? -1 : real(handle);
    maps_look();
    return failed;
}

/* The file with an address; NULL for none. */
static const struct link_map *file_of(const void *address)
{
    typedef int function(const void *, Dl_info *, void **, int);
    function *dladdr_of_loader = (function *)find_next("dladdr1", NULL);
    Dl_info about;
    struct link_map *file = NULL;
    bool known = dladdr_of_loader != NULL && dladdr_of_loader(address, &about, (void **)&file, RTLD_DL_LINKMAP) != 0;
    return known ? file : NULL;
}

/* The allocator that a file asks for as the next one of a name, if it is ours or the one behind ours: then ours. */
static void *next_is_ours(const char *name, const void *caller)
{
    const struct link_map *file = file_of(caller);
    void *found = file == NULL ? NULL : find_from(file->l_next, name, NULL);
    if (found == NULL) {
        return NULL;
    }
    return found == find_in(find_ourselves(), name) ? found : calls_instead_of(name, found);
}

/* A function that only some allocators have, as the program finds it by name: ours, if ours leads to it. Nothing by
 * this name is ours, so the loader need not see who calls it. */
static void *other_of_program(const char *name)
{
    void *found = find_from(find_first(), name, NULL);
    void *ours = found == NULL ? NULL : others_instead_of(name, found);
    if (found != NULL && ours == NULL) {
        trace_say(KIND_PAST, PAST_ADDRESS, NULL, 0, name);
    }
    return ours;
}

/* What was found in one library. */
static void *checked(void *found, const char *name)
{
    if (found == NULL || found == find_in(find_ourselves(), name)) {
        return found;
    }
    void *ours = calls_define(name) ? calls_instead_of(name, found) : others_instead_of(name, found);
    if (ours != NULL) {
        return ours;
    }
    const struct link_map *file = find_first();
    while (file != NULL && find_in(file, name) != found) {
        file = file->l_next;
    }
    trace_say(KIND_PAST, PAST_ADDRESS, NULL, 0, file == NULL ? name : find_path(file));
    return found;
}

static __attribute__((noinline)) void *look_up(dlsym_function *real, void *handle, const char *name)
{
    return checked(real(handle, name), name);
}

EXPORT void *dlsym(void *handle, const char *name)
{
    maps_look();
    dlsym_function *real = (dlsym_function *)find_next("dlsym", NULL);
    bool is_other = handle != RTLD_NEXT && others_define(name);
    if (handle == RTLD_DEFAULT && is_other) {
        void *ours = other_of_program(name);
        return ours != NULL ? ours : real(handle, name);
    }
    if (handle == RTLD_DEFAULT || !(calls_define(name) || is_other)) {
        return real(handle, name);
    }
    if (handle == RTLD_NEXT) {
        void *ours = next_is_ours(name, __builtin_return_address(0));
        return ours != NULL ? ours : real(handle, name);
    }
    return look_up(real, handle, name);
}

static __attribute__((noinline)) void *look_up_version(dlvsym_function *real, void *handle, const char *name,
                                                       const char *version)
{
    return checked(real(handle, name, version), name);
}

/* We have no versions: who asks for the one of the C library doesn't find ours by itself. */
EXPORT void *dlvsym(void *handle, const char *name, const char *version)
{
    maps_look();
    dlvsym_function *real = (dlvsym_function *)find_next("dlvsym", NULL);
    if (!calls_define(name)) {
        return real(handle, name, version);
    }
    if (handle == RTLD_NEXT) {
        void *ours = next_is_ours(name, __builtin_return_address(0));
        return ours != NULL ? ours : real(handle, name, version);
    }
    return look_up_version(real, handle, name, version);
}

typedef int visitor(struct dl_phdr_info *, size_t, void *);

struct visit {
    visitor *visitor;
    void *data;
};

static int visit_file(struct dl_phdr_info *info, size_t size, void *visit)
{
    const struct visit *about = visit;
    const struct link_map *ourselves = find_ourselves();
    bool is_ours = ourselves != NULL && info->dlpi_addr == ourselves->l_addr;
    return is_ours ? 0 : about->visitor(info, size, about->data);
}

/* Called from within libasan, or libclang_rt.asan. */
static bool is_called_by_finder(uintptr_t place)
{
    const struct link_map *file = find_first();
    while (file != NULL && strstr(file->l_name, "asan") == NULL) {
        file = file->l_next;
    }
    if (file == NULL || place < file->l_addr) {
        return false;
    }
    const ElfW(Ehdr) *head = (const ElfW(Ehdr) *)file->l_addr;
    const ElfW(Phdr) *parts = (const ElfW(Phdr) *)(file->l_addr + head->e_phoff);
    bool inside = false;
    for (size_t at = 0; at < head->e_phnum; at++) {
        inside |= parts[at].p_type == PT_LOAD && place - file->l_addr - parts[at].p_vaddr < parts[at].p_memsz;
    }
    return inside;
}

/* The library that finds errors in memory for gcc and clang ends a program in which it isn't the first library. It can
 * be the second one: its functions are called by ours. */
EXPORT int dl_iterate_phdr(visitor *visitor, void *data)
{
    static _Atomic(void *) known;
    typedef int function(int (*)(struct dl_phdr_info *, size_t, void *), void *);
    function *real = (function *)atomic_load_explicit(&known, memory_order_relaxed);
    if (UNLIKELY(real == NULL)) {
        real = (function *)find_next("dl_iterate_phdr", NULL);
        atomic_store_explicit(&known, (void *)real, memory_order_relaxed);
    }
    bool is_finder = is_called_by_finder((uintptr_t)__builtin_return_address(0));
    struct visit visit = {visitor, data};
    return is_finder ? real(visit_file, &visit) : real(visitor, data);
}
