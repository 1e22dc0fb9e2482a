/*
 * The functions behind ours: what the program would call without us.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>

#include "trace.h"

struct calls {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*reallocarray)(void *, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    void (*free)(void *);
    void (*cfree)(void *);
    void (*free_sized)(void *, size_t);
    void (*free_aligned_sized)(void *, size_t, size_t);
};

extern struct calls next;

/* Calls an allocating function and records its result. */
#define ALLOCATION(kind, size, call)                                          \
    do {                                                                      \
        struct outermost before;                                              \
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
        struct outermost before;                                              \
        if ((block) == NULL || !trace_enter(FRAME, &before)) {                \
            call;                                                             \
            return;                                                           \
        }                                                                     \
        trace_free(block);                                                    \
        call;                                                                 \
        trace_leave(before);                                                  \
    } while (0)

/* Calls a `realloc` with a number of 1, and records what comes of it. */
void *calls_realloc(void *block, void *(*call)(void *, size_t, size_t), size_t size, uintptr_t frame);

/*
 * Our function of this name, if what was found by it is what ours hands on to: who calls ours instead gets the same.
 * NULL for any other.
 */
void *calls_instead_of(const char *name, const void *found);
/* Whether a function of this name is one of ours. */
bool calls_define(const char *name);
/* Notes which files the functions are in. */
void calls_introduce(void);

#endif
