/*
 * The allocation functions of C, recorded and handed on to whoever is next in line.
 *
 * Rules: the outermost call of a thread counts once; a call that fails doesn't; a free is stamped before it happens
 * and everything else after, so that the stamps of one address are in order.
 */
#define _GNU_SOURCE
#include "calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/*
 * What is asked for while the next functions are looked up. Never given back, and not seen by the program.
 */
static alignas(16) char arena[32768];
static _Atomic size_t arena_used;
static _Atomic bool resolving;

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

static bool in_arena(const void *block)
{
    return (uintptr_t)block - (uintptr_t)arena < sizeof arena;
}

static void *from_arena(size_t size)
{
    if (size > sizeof arena) {
        errno = ENOMEM;
        return NULL;
    }
    /* The size lies in front of the block, for realloc. */
    size_t whole = 16 + ((size + 15) & ~(size_t)15);
    size_t at = atomic_fetch_add(&arena_used, whole);
    if (at + whole > sizeof arena) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(arena + at, &size, sizeof size);
    return arena + at + 16;
}

static size_t size_in_arena(const void *block)
{
    size_t size;
    memcpy(&size, (const char *)block - 16, sizeof size);
    return size;
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

/* The functions that are always there come first: looking for one that is missing allocates. */
static const struct {
    const char *name;
    size_t offset;
    void (*without)(void);
} TABLE[] = {
#define ROW(function, without) {#function, offsetof(struct calls, function), (void (*)(void))(without)}
    ROW(malloc, NULL),
    ROW(free, NULL),
    ROW(calloc, NULL),
    ROW(realloc, NULL),
    ROW(posix_memalign, NULL),
    ROW(aligned_alloc, NULL),
    ROW(memalign, NULL),
    ROW(valloc, own_valloc),
    ROW(pvalloc, own_pvalloc),
    ROW(reallocarray, own_reallocarray),
    ROW(cfree, own_cfree),
    ROW(free_sized, own_free_sized),
    ROW(free_aligned_sized, own_free_aligned_sized),
#undef ROW
};

/* False while this thread, or another, is at it. */
static bool resolve(void)
{
    if (atomic_exchange(&resolving, true)) {
        return false;
    }
    for (size_t row = 0; row < sizeof TABLE / sizeof *TABLE; row++) {
        void *found = dlsym(RTLD_NEXT, TABLE[row].name);
        if (found == NULL) {
            found = (void *)TABLE[row].without;
        }
        if (found != NULL) {
            memcpy((char *)&next + TABLE[row].offset, &found, sizeof found);
        }
    }
    /* What we looked for in vain isn't the program's error. */
    dlerror();
    return true;
}

static void *early_malloc(size_t size)
{
    return resolve() ? next.malloc(size) : from_arena(size);
}

static void *early_calloc(size_t number, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(number, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    /* Memory of the arena is zero and used once. */
    return resolve() ? next.calloc(number, size) : from_arena(bytes);
}

static void *early_realloc(void *block, size_t size)
{
    if (resolve()) {
        return realloc(block, size);
    }
    void *moved = from_arena(size);
    if (moved != NULL && block != NULL && in_arena(block)) {
        size_t had = size_in_arena(block);
        memcpy(moved, block, had < size ? had : size);
    }
    return moved;
}

static void *early_reallocarray(void *block, size_t number, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(number, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return early_realloc(block, bytes);
}

static void *early_aligned_alloc(size_t alignment, size_t size)
{
    if (resolve()) {
        return next.aligned_alloc(alignment, size);
    }
    char *block = alignment > sizeof arena ? NULL : from_arena(size + alignment);
    return block == NULL ? NULL : (void *)(((uintptr_t)block + alignment - 1) & ~(alignment - 1));
}

static void *early_memalign(size_t alignment, size_t size)
{
    return early_aligned_alloc(alignment, size);
}

static int early_posix_memalign(void **block, size_t alignment, size_t size)
{
    if (resolve()) {
        return next.posix_memalign(block, alignment, size);
    }
    *block = early_aligned_alloc(alignment, size);
    return *block == NULL ? ENOMEM : 0;
}

static void *early_valloc(size_t size)
{
    return early_aligned_alloc(4096, size);
}

static void *early_pvalloc(size_t size)
{
    return early_aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
}

/* Only what comes from the arena can be given back before the next functions are known, and it stays. */
static void early_free(void *block)
{
    if (block != NULL && !in_arena(block) && resolve()) {
        next.free(block);
    }
}

static void early_cfree(void *block)
{
    early_free(block);
}

static void early_free_sized(void *block, size_t size)
{
    (void)size;
    early_free(block);
}

static void early_free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    early_free(block);
}

void calls_introduce(void)
{
    Dl_info about;
    resolve();
    if (dladdr((void *)next.malloc, &about) != 0 && about.dli_fname != NULL) {
        trace_text(KIND_OBJECT, sizeof TABLE / sizeof *TABLE, about.dli_fname);
    }
}

/* Calls an allocating function and records its result. */
#define ALLOCATION(kind, size, call)                                          \
    do {                                                                      \
        uintptr_t before;                                                     \
        if (!trace_enter(FRAME, &before)) {                                   \
            return call;                                                      \
        }                                                                     \
        void *result = call;                                                  \
        if (result != NULL) {                                                 \
            trace_allocation(kind, FRAME, result, size, NULL);                \
        }                                                                     \
        trace_leave(before);                                                  \
        return result;                                                        \
    } while (0)

/* Records a free and lets it happen. */
#define RELEASE(block, call)                                                  \
    do {                                                                      \
        uintptr_t before;                                                     \
        if (UNLIKELY(in_arena(block))) {                                      \
            return;                                                           \
        }                                                                     \
        if ((block) == NULL || !trace_enter(FRAME, &before)) {                \
            call;                                                             \
            return;                                                           \
        }                                                                     \
        trace_free(block);                                                    \
        call;                                                                 \
        trace_leave(before);                                                  \
    } while (0)

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
    uintptr_t before;
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

/* A block of the arena that the program, or the loader, wants to grow. */
static void *out_of_arena(void *block, size_t size)
{
    size_t had = size_in_arena(block);
    void *moved = malloc(size);
    return moved == NULL ? NULL : memcpy(moved, block, had < size ? had : size);
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
    uintptr_t before;
    if (UNLIKELY(in_arena(block))) {
        return out_of_arena(block, bytes);
    }
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
