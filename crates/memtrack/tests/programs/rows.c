/* Every row of the table of calls, one after the other; the test knows what must come of each. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

#include "mark.h"

/* Free, whatever the compiler thinks of it. */
static void *volatile kept;

/* With an argument: without `pvalloc`, which jemalloc leaves to the C library, whose block it then can't free. */
int main(int argc, char **argv)
{
    void *volatile none = NULL;
    volatile size_t huge = SIZE_MAX / 2;
    void *block = NULL;
    (void)argv;
    mark(MARK_BEGIN);

    kept = malloc(100);
    free(kept);
    kept = malloc(101);
    kept = realloc(kept, 5000);
    kept = realloc(kept, 4000);
    free(kept);
    kept = realloc(none, 102);
    free(kept);
    kept = malloc(103);
    kept = realloc(kept, 0); /* glibc frees, others keep the block */
    int keeps = kept != NULL;
    free(kept);
    kept = realloc(none, 0);
    free(kept);
    kept = malloc(104);
    if (realloc(kept, huge) != NULL) {
        return 2;
    }
    free(kept);
    kept = aligned_alloc(64, 640);
    free(kept);
    kept = memalign(128, 105);
    free(kept);
    if (posix_memalign(&block, 64, 106) != 0) {
        return 3;
    }
    free(block);
    block = &block;
    if (posix_memalign(&block, 3, 107) != EINVAL || block != &block) {
        return 4;
    }
    if (posix_memalign(&block, 64, huge) != ENOMEM || block != &block) {
        return 5;
    }
    kept = valloc(108);
    free(kept);
#ifndef NO_PVALLOC
    if (argc == 1) {
        kept = pvalloc(109);
        free(kept);
    }
#endif
    if (calloc(huge, 4) != NULL || malloc(huge) != NULL || malloc((size_t)1 << 62) != NULL) {
        return 6;
    }
    errno = 77;
    free(none);
    if (errno != 77) {
        return 7;
    }
    kept = malloc(0);
    free(kept);
    kept = calloc(11, 10);
    for (int at = 0; at < 110; at++) {
        if (((char *)kept)[at] != 0) {
            return 8;
        }
    }
    free(kept);
    kept = reallocarray(none, 3, 37);
    kept = reallocarray(kept, 5, 37);
    if (reallocarray(kept, huge, 37) != NULL || errno != ENOMEM) {
        return 9;
    }
    free(kept);
    kept = strdup("seventeen letters");
    free(kept);

    mark(MARK_END);
    puts(keeps ? "kept" : "freed");
    return 0;
}
