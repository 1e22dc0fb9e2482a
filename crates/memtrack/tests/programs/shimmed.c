/* Calls that may go through `shim.c`; an error of the loader that was there before is nobody's business. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "mark.h"

int main(void)
{
    if (dlerror() != NULL) {
        return 1;
    }
    mark(MARK_BEGIN);
    for (int at = 0; at < 100; at++) {
        char *volatile block = malloc(500);
        block = realloc(block, 501);
        free(block);
        void *volatile zeros = calloc(1, 502);
        free(zeros);
    }
    mark(MARK_END);
    return 0;
}
