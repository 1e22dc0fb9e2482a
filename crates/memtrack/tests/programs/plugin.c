/*
 * plugin LIBRARY ALLOCATE FREE N: loads an allocator for itself alone and makes N pairs with it, and between them as
 * many with the allocator of the process.
 */
#include <dlfcn.h>
#include <string.h>

#include "mark.h"

typedef void *allocate(size_t, int);
typedef void release(void *, int);

int main(int argc, char **argv)
{
    if (argc < 5) {
        return 2;
    }
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    allocate *give = (allocate *)dlsym(library, argv[2]);
    release *take = (release *)dlsym(library, argv[3]);
    if (give == NULL || take == NULL) {
        return 4;
    }
    mark(MARK_BEGIN);
    for (long done = 0; done < atol(argv[4]); done++) {
        void *volatile theirs = give(600 + done % 7, 0);
        void *volatile ours = malloc(500 + done % 7);
        take(theirs, 0);
        free(ours);
    }
    mark(MARK_END);
    return 0;
}
