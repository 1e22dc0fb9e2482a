/*
 * The names under which glibc's own functions can be called past whoever defines `malloc`: shims use them.
 */
#define _GNU_SOURCE
#include "calls.h"

#include "find.h"
#include "trace.h"

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

/* The C library's own function, looked up once. */
#define REAL(function) ((__typeof__(&function))real(&known_##function, #function))
#define KNOWN(function) static _Atomic(void *) known_##function

static void *real(_Atomic(void *) *known, const char *name)
{
    void *found = atomic_load_explicit(known, memory_order_relaxed);
    if (UNLIKELY(found == NULL)) {
        found = find_next(name, NULL);
        atomic_store_explicit(known, found, memory_order_relaxed);
    }
    return found;
}

KNOWN(__libc_malloc);
KNOWN(__libc_calloc);
KNOWN(__libc_realloc);
KNOWN(__libc_memalign);
KNOWN(__libc_free);

EXPORT void *__libc_malloc(size_t size)
{
    ALLOCATION(KIND_MALLOC, size, REAL(__libc_malloc)(size));
}

EXPORT void *__libc_calloc(size_t number, size_t size)
{
    ALLOCATION(KIND_CALLOC, number *size, REAL(__libc_calloc)(number, size));
}

EXPORT void *__libc_memalign(size_t alignment, size_t size)
{
    ALLOCATION(KIND_ALIGNED, size, REAL(__libc_memalign)(alignment, size));
}

static void *call_realloc(void *block, size_t number, size_t size)
{
    (void)number;
    return REAL(__libc_realloc)(block, size);
}

EXPORT void *__libc_realloc(void *block, size_t size)
{
    return calls_realloc(block, call_realloc, size, FRAME);
}

EXPORT void __libc_free(void *block)
{
    RELEASE(block, REAL(__libc_free)(block));
}
