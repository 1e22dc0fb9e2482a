/*
 * The allocation functions of C, recorded and handed on to whoever is next in line.
 *
 * Rules: the outermost call of a thread counts once; a call that fails doesn't; a free is stamped before it happens
 * and everything else after, so that the stamps of one address are in order.
 */
#define _GNU_SOURCE
#include "calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "others.h"
#include "trace.h"

static void *early_malloc(size_t size);
static void *early_calloc(size_t number, size_t size);
static void *early_realloc(void *block, size_t size);
static void *early_reallocarray(void *block, size_t number, size_t size);
static void *early_aligned_alloc(size_t alignment, size_t size);
static void *early_memalign(size_t alignment, size_t size);
static int early_posix_memalign(void **block, size_t alignment, size_t size);
static void *early_valloc(size_t size);
static void *early_pvalloc(size_t size);
static void early_free(void *block);
static void early_cfree(void *block);
static void early_free_sized(void *block, size_t size);
static void early_free_aligned_sized(void *block, size_t alignment, size_t size);

struct calls next = {
    .malloc = early_malloc,
    .calloc = early_calloc,
    .realloc = early_realloc,
    .reallocarray = early_reallocarray,
    .aligned_alloc = early_aligned_alloc,
    .memalign = early_memalign,
    .posix_memalign = early_posix_memalign,
    .valloc = early_valloc,
    .pvalloc = early_pvalloc,
    .free = early_free,
    .cfree = early_cfree,
    .free_sized = early_free_sized,
    .free_aligned_sized = early_free_aligned_sized,
};

/* In place of functions that are nowhere, though no C library lacks them. */
static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static int no_aligned_memory(void)
{
    return ENOMEM;
}

static void no_free(void)
{
}

/* For functions that a C library doesn't have. */
static void *own_reallocarray(void *block, size_t number, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(number, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return next.realloc(block, bytes);
}

static void own_cfree(void *block)
{
    next.free(block);
}

static void own_free_sized(void *block, size_t size)
{
    (void)size;
    next.free(block);
}

static void own_free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    next.free(block);
}

static void *own_valloc(size_t size)
{
    return next.memalign(4096, size);
}

static void *own_pvalloc(size_t size)
{
    return next.memalign(4096, (size + 4095) & ~(size_t)4095);
}

static const struct {
    const char *name;
    size_t offset;
    void (*without)(void);
} TABLE[] = {
#define ROW(function, without) {#function, offsetof(struct calls, function), (void (*)(void))(without)}
    ROW(malloc, no_memory),
    ROW(free, no_free),
    ROW(calloc, no_memory),
    ROW(realloc, no_memory),
    ROW(posix_memalign, no_aligned_memory),
    ROW(aligned_alloc, no_memory),
    ROW(memalign, no_memory),
    ROW(valloc, own_valloc),
    ROW(pvalloc, own_pvalloc),
    ROW(reallocarray, own_reallocarray),
    ROW(cfree, own_cfree),
    ROW(free_sized, own_free_sized),
    ROW(free_aligned_sized, own_free_aligned_sized),
#undef ROW
};

/* Threads that are at it at the same time find the same. */
static void resolve(void)
{
    for (size_t row = 0; row < sizeof TABLE / sizeof *TABLE; row++) {
        void *found = find_next(TABLE[row].name, NULL);
        uintptr_t function = found == NULL ? (uintptr_t)TABLE[row].without : (uintptr_t)found;
        __atomic_store_n((uintptr_t *)((char *)&next + TABLE[row].offset), function, __ATOMIC_RELAXED);
    }
}

static void *early_malloc(size_t size)
{
    resolve();
    return next.malloc(size);
}

static void *early_calloc(size_t number, size_t size)
{
    resolve();
    return next.calloc(number, size);
}

static void *early_realloc(void *block, size_t size)
{
    resolve();
    return next.realloc(block, size);
}

static void *early_reallocarray(void *block, size_t number, size_t size)
{
    resolve();
    return next.reallocarray(block, number, size);
}

static void *early_aligned_alloc(size_t alignment, size_t size)
{
    resolve();
    return next.aligned_alloc(alignment, size);
}

static void *early_memalign(size_t alignment, size_t size)
{
    resolve();
    return next.memalign(alignment, size);
}

static int early_posix_memalign(void **block, size_t alignment, size_t size)
{
    resolve();
    return next.posix_memalign(block, alignment, size);
}

static void *early_valloc(size_t size)
{
    resolve();
    return next.valloc(size);
}

static void *early_pvalloc(size_t size)
{
    resolve();
    return next.pvalloc(size);
}

static void early_free(void *block)
{
    resolve();
    next.free(block);
}

static void early_cfree(void *block)
{
    resolve();
    next.cfree(block);
}

static void early_free_sized(void *block, size_t size)
{
    resolve();
    next.free_sized(block, size);
}

static void early_free_aligned_sized(void *block, size_t alignment, size_t size)
{
    resolve();
    next.free_aligned_sized(block, alignment, size);
}

void calls_introduce(void)
{
    resolve();
    for (size_t row = 0; row < sizeof TABLE / sizeof *TABLE; row++) {
        const struct link_map *where;
        if (find_next(TABLE[row].name, &where) != NULL) {
            others_note(where);
        }
    }
}

EXPORT void *malloc(size_t size)
{
    ALLOCATION(KIND_MALLOC, size, next.malloc(size));
}

/* A call that succeeds hasn't overflowed. */
EXPORT void *calloc(size_t number, size_t size)
{
    ALLOCATION(KIND_CALLOC, number *size, next.calloc(number, size));
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    ALLOCATION(KIND_ALIGNED, size, next.aligned_alloc(alignment, size));
}

EXPORT void *memalign(size_t alignment, size_t size)
{
    ALLOCATION(KIND_ALIGNED, size, next.memalign(alignment, size));
}

EXPORT void *valloc(size_t size)
{
    ALLOCATION(KIND_MALLOC, size, next.valloc(size));
}

EXPORT void *pvalloc(size_t size)
{
    ALLOCATION(KIND_MALLOC, size, next.pvalloc(size));
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t size)
{
    struct outermost before;
    if (!trace_enter(FRAME, &before)) {
        return next.posix_memalign(block, alignment, size);
    }
    int error = next.posix_memalign(block, alignment, size);
    if (error == 0 && *block != NULL) {
        trace_allocation(KIND_ALIGNED, FRAME, *block, size, NULL);
    }
    trace_leave(before);
    return error;
}

/*
 * `realloc(block, 0)`: some allocators free, others give an empty block, and only the result tells. The stamp of a free
 * must lie before it happens: it is taken first, and the tracer waits for the rest of the record.
 */
static __attribute__((noinline)) void *shrink_to_nothing(void *block, void *(*call)(void *, size_t, size_t),
                                                         size_t number, size_t size, uintptr_t frame)
{
    uint64_t *record = trace_begin(2);
    uint64_t stamp = record == NULL ? 0 : trace_now();
    void *result = call(block, number, size);
    if (record == NULL) {
        trace_lost();
    } else if (result == NULL) {
        record[0] = trace_first_word(stamp, 0, KIND_FREE);
        record[1] = (uintptr_t)block;
        trace_commit(2);
    } else {
        trace_commit(0);
        trace_allocation(KIND_REALLOC, frame, result, 0, block);
    }
    return result;
}

static void *call_realloc(void *block, size_t number, size_t size)
{
    return next.realloc(block, number * size);
}

static void *call_reallocarray(void *block, size_t number, size_t size)
{
    return next.reallocarray(block, number, size);
}

INLINE void *recorded_realloc(void *block, void *(*call)(void *, size_t, size_t), size_t number, size_t size,
                              uintptr_t frame)
{
    size_t bytes;
    bool fits = !__builtin_mul_overflow(number, size, &bytes);
    struct outermost before;
    if (!trace_enter(frame, &before)) {
        return call(block, number, size);
    }
    void *result;
    if (block != NULL && bytes == 0 && fits) {
        result = shrink_to_nothing(block, call, number, size, frame);
    } else {
        result = call(block, number, size);
        if (result != NULL && block == NULL) {
            trace_allocation(KIND_MALLOC, frame, result, bytes, NULL);
        } else if (result != NULL) {
            trace_allocation(KIND_REALLOC, frame, result, bytes, block);
        }
    }
    trace_leave(before);
    return result;
}

void *calls_realloc(void *block, void *(*call)(void *, size_t, size_t), size_t size, uintptr_t frame)
{
    return recorded_realloc(block, call, 1, size, frame);
}

EXPORT void *realloc(void *block, size_t size)
{
    return recorded_realloc(block, call_realloc, 1, size, FRAME);
}

EXPORT void *reallocarray(void *block, size_t number, size_t size)
{
    return recorded_realloc(block, call_reallocarray, number, size, FRAME);
}

EXPORT void free(void *block)
{
    RELEASE(block, next.free(block));
}

EXPORT void cfree(void *block)
{
    RELEASE(block, next.cfree(block));
}

EXPORT void free_sized(void *block, size_t size)
{
    RELEASE(block, next.free_sized(block, size));
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    RELEASE(block, next.free_aligned_sized(block, alignment, size));
}

bool calls_define(const char *name)
{
    for (size_t row = 0; row < sizeof TABLE / sizeof *TABLE; row++) {
        if (strcmp(name, TABLE[row].name) == 0) {
            return true;
        }
    }
    return false;
}

void *calls_instead_of(const char *name, const void *found)
{
    if (next.malloc == early_malloc) {
        resolve();
    }
    for (size_t row = 0; row < sizeof TABLE / sizeof *TABLE; row++) {
        const void *handed_on = *(void **)((char *)&next + TABLE[row].offset);
        if (found == handed_on && strcmp(name, TABLE[row].name) == 0) {
            return find_in(find_ourselves(), name);
        }
    }
    return NULL;
}
