/* A `malloc` of somebody else that looks for the next one when it is called for the first time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

#define NEXT(function) (next != NULL ? next : (next = (__typeof__(next))dlsym(RTLD_NEXT, #function)))

void *malloc(size_t size)
{
    static void *(*next)(size_t);
    return NEXT(malloc)(size);
}

void *calloc(size_t number, size_t size)
{
    static void *(*next)(size_t, size_t);
    return NEXT(calloc)(number, size);
}

void *realloc(void *block, size_t size)
{
    static void *(*next)(void *, size_t);
    return NEXT(realloc)(block, size);
}

void free(void *block)
{
    static void (*next)(void *);
    NEXT(free)(block);
}
