/*
 * reload FIRST SECOND N: loads two libraries by turns, N times altogether, calls the one that is there, and closes it
 * again. Says how often one was where the other had been, and ends at once with the last one in its memory.
 *
 * With -DNAME and -DSIZE it is one of the libraries.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#ifdef NAME

__attribute__((noinline)) void *NAME(void)
{
    void *volatile block = malloc(SIZE);
    return block;
}

void call(void)
{
    void *volatile block = NAME();
    free(block);
}

#else
#include <dlfcn.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 4) {
        return 2;
    }
    long times = atol(argv[3]);
    void *before = NULL;
    long same = 0;
    for (long done = 0; done < times; done++) {
        void *library = dlopen(argv[1 + done % 2], RTLD_NOW | RTLD_LOCAL);
        void (*call)(void) = library == NULL ? NULL : (void (*)(void))dlsym(library, "call");
        if (call == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 3;
        }
        same += (void *)call == before;
        before = (void *)call;
        if (done == times - 1) {
            printf("%ld\n", same);
            fflush(stdout);
        }
        call();
        if (done < times - 1) {
            dlclose(library);
        }
    }
    _exit(0);
}
#endif
